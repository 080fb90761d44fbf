#!/usr/bin/env bash
# A real Odoo 19 for the tests marked "odoo", begun and ended around them.
#
#   rig.sh begin       start it in the background and return at once (its first start takes about five minutes)
#   rig.sh run CMD...  begin it where that was not done, wait for it, run the command against it, end it
#   rig.sh end         end it, if it was begun here
#
# Settings: HUB_ODOO_RIG (../shared/rigs/odoo19 beside the checkout) is the program that starts and stops the server, with `start` and
# `stop`; it takes ODOO_RIG_DIR and ODOO_RIG_PORT. HUB_ODOO_PATIENCE (1200) is for how many seconds `run` waits.
# Where HUB_TEST_ODOO_URL names a server, that one is used and nothing is started.
# An Odoo that cannot be started is no failure: `run` says why and exits 0.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
rig=${HUB_ODOO_RIG:-$here/../shared/rigs/odoo19}
export ODOO_RIG_DIR=${ODOO_RIG_DIR:-$HOME/.cache/odoo19-rig} ODOO_RIG_PORT=${ODOO_RIG_PORT:-18069}
state=$here/build/odoo-rig

begun() { [ -e "$state/began" ]; }
alive() { if [ -s "$state/rc" ]; then ! [ -e "$state/ours" ] || answers; else kill -0 "$(cat "$state/pid")" 2>/dev/null; fi; }
answers() { curl -sf -o /dev/null --max-time 5 "http://127.0.0.1:$ODOO_RIG_PORT/web/health"; }

# Odoo prints its invoices by wkhtmltopdf: Debian's, unpacked into a folder of its own and put first on the server's path.
printer() {
  local pdf=$ODOO_RIG_DIR/pdf lib
  if ! command -v wkhtmltopdf >/dev/null && [ ! -x "$pdf/bin/wkhtmltopdf" ]; then
    rm -rf "$pdf"; mkdir -p "$pdf/cache/archives/partial" "$pdf/root" "$pdf/bin"
    apt-get -q -y install --no-install-recommends --download-only -o Dir::Cache="$pdf/cache" -o APT::Sandbox::User=root wkhtmltopdf ||
      { apt-get -q update && apt-get -q -y install --no-install-recommends --download-only -o Dir::Cache="$pdf/cache" \
        -o APT::Sandbox::User=root wkhtmltopdf; } || return 0
    for package in "$pdf"/cache/archives/*.deb; do dpkg-deb -x "$package" "$pdf/root"; done
    rm -rf "$pdf/cache"
    lib=$(dirname "$(find "$pdf/root/usr/lib" -name 'libQt5Core.so.5' | head -n 1)")
    cat >"$pdf/bin/wkhtmltopdf" <<WRAPPER
#!/bin/sh
export LD_LIBRARY_PATH=$lib QT_PLUGIN_PATH=$lib/qt5/plugins QT_QPA_PLATFORM=offscreen
exec $pdf/root/usr/bin/wkhtmltopdf "\$@"
WRAPPER
    chmod +x "$pdf/bin/wkhtmltopdf"
    "$pdf/bin/wkhtmltopdf" --version || rm -f "$pdf/bin/wkhtmltopdf"
  fi
  export PATH=$pdf/bin:$PATH
}

start() { # runs in the background; what it says is in the log, its outcome in rc
  printer || true
  bash "$rig" start
}

begin() {
  ! { begun && alive; } || return 0
  mkdir -p "$state"; rm -f "$state/rc" "$state/ours"; : >"$state/began"
  if [ ! -f "$rig" ]; then
    echo "there is no program to start an Odoo at $rig (HUB_ODOO_RIG names another)" >"$state/log"; echo 1 >"$state/rc"
  elif answers; then
    echo "an Odoo was running already" >"$state/log"; echo 0 >"$state/rc"
  else
    : >"$state/ours"
    setsid nice -n 5 bash "$0" start-and-note </dev/null >"$state/log" 2>&1 & echo $! >"$state/pid"
  fi
}

await() {
  local left=${HUB_ODOO_PATIENCE:-1200}
  while [ ! -s "$state/rc" ] && [ "$left" -gt 0 ]; do sleep 1; left=$((left - 1)); done
  [ -s "$state/rc" ] && [ "$(cat "$state/rc")" = 0 ] && [ -s "$ODOO_RIG_DIR/api-key" ]
}

# A server takes a moment to end by itself; one that does not is killed.
gone() {
  local left=30
  while kill -0 "$1" 2>/dev/null && [ "$left" -gt 0 ]; do sleep 1; left=$((left - 1)); done
  ! kill -0 "$1" 2>/dev/null || kill -9 "$1" 2>/dev/null || true
}

end() {
  local server
  begun || return 0
  if [ -e "$state/ours" ]; then
    [ -s "$state/rc" ] || kill -- "-$(cat "$state/pid")" 2>/dev/null || true
    server=$(cat "$ODOO_RIG_DIR/pid" 2>/dev/null || true)
    bash "$rig" stop || true
    [ -z "$server" ] || gone "$server"
  fi
  rm -f "$state/began" "$state/ours" "$state/pid"
}

case ${1:-} in
  begin) [ -n "${HUB_TEST_ODOO_URL:-}" ] || begin ;;
  end) end ;;
  start-and-note) rc=0; start || rc=$?; echo "$rc" >"$state/rc" ;;
  run)
    shift
    [ -z "${HUB_TEST_ODOO_URL:-}" ] || exec "$@"
    begin
    trap end EXIT
    if await; then
      export HUB_TEST_ODOO_URL=http://127.0.0.1:$ODOO_RIG_PORT HUB_TEST_ODOO_DB=odoo19_rig
      HUB_TEST_ODOO_KEY=$(cat "$ODOO_RIG_DIR/api-key"); export HUB_TEST_ODOO_KEY
      "$@"
    else
      echo "Odoo: not tested against a real server: $(tail -n 1 "$state/log" 2>/dev/null || echo 'it did not start')" >&2
    fi ;;
  *) sed -n '2,13p' "$0" >&2; exit 2 ;;
esac
