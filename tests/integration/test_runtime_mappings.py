"""A mapping that is mended while the hub runs is used at once, and what waited at the desk goes on."""

import time

BROKEN = """\
mapping: 1
from: webhook/order
to: canonical/order@1
extends: default
output:
  note: "{{ src.remark }}"
"""


def _until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_mend_the_cause_once_and_release(project_dir, open_hub, target, order_webhook):
    folder = project_dir / "mappings" / "webhook"
    folder.mkdir(parents=True)
    file = folder / "order.to_canonical.yaml"
    file.write_text(BROKEN)
    with open_hub() as hub:
        hub.accept_webhook("src", order_webhook(1))
        _until(lambda: hub.store.exceptions())
        (trouble,) = hub.store.exceptions()
        assert trouble["code"] == "MAP-MISSING"
        file.write_text(BROKEN.replace("src.remark", "src.note"))
        _until(lambda: _note_mapping_is_new(hub))
        hub.release(trouble["id"], by="test")
        assert hub.drain(10)
        assert [effect.data["number"] for effect in target.effects("order")] == ["#1001"]
        assert hub.store.exceptions() == []
        assert hub.store.conservation().delivered == 1


def test_a_half_saved_file_changes_nothing(project_dir, open_hub, target, order_webhook):
    folder = project_dir / "mappings" / "webhook"
    folder.mkdir(parents=True)
    file = folder / "order.to_canonical.yaml"
    file.write_text(BROKEN.replace("src.remark", "src.note"))
    with open_hub() as hub:
        hub.accept_webhook("src", order_webhook(1))
        assert hub.drain(10)
        file.write_text("mapping: 1\nfrom: webhook/ord")
        time.sleep(2.5)
        hub.accept_webhook("src", order_webhook(2))
        assert hub.drain(10)
        assert len(target.effects("order")) == 2


def _note_mapping_is_new(hub):
    mapping = next(one for one in hub.mappings.inbound("webhook", "order") if one.entity == "order")
    return not any("src.remark" in text for text in mapping.texts.values())
