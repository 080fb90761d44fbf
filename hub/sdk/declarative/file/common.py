"""What the parts of the file are made of: paths, texts with placeholders, conditions, and a request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from hub.sdk.declarative import paths, times

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,29}$")]
"""The name of a connector or a stream: small letters, digits and _."""
Setting = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


def _path(text: str) -> str:
    paths.steps(text)
    return text


def _form(text: str) -> str:
    times.writer(text)
    return text


def _zone(text: str) -> str:
    times.zone_of(text)
    return text


def listed(value: Any) -> Any:
    """One value as a list of one."""
    return value if isinstance(value, list) or value is None else [value]


def _scalar(value: Any) -> Any:
    if value is not None and not isinstance(value, (str, int, float, bool)):
        raise ValueError("a text, a number, true, false or null is expected here; a {placeholder} stands in quotes")
    return value


def _value(value: Any) -> Any:
    return [_scalar(one) for one in value] if isinstance(value, list) else _scalar(value)


_SCALARS = {"type": ["string", "number", "boolean", "null"]}
Scalar = Annotated[Any, AfterValidator(_scalar), WithJsonSchema(_SCALARS)]
Value = Annotated[
    Any, AfterValidator(_value), WithJsonSchema({"anyOf": [_SCALARS, {"type": "array", "items": _SCALARS}]})
]
"""A plain value, or a list of them."""
Path = Annotated[str, AfterValidator(_path)]
"""A place in an answer: ``customer.email``, ``lines[0].sku``, or a JSON Pointer such as ``/@odata.nextLink``."""
Form = Annotated[str, AfterValidator(_form)]
Zone = Annotated[str, AfterValidator(_zone)]
Text = str
"""A text with placeholders."""
Paths = Annotated[list[Path], BeforeValidator(listed, json_schema_input_type=str | list[str])]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Pairs = dict[str, Value]
"""Query parameters or headers; their values may hold placeholders."""
Condition = dict[Path, Value]
"""Places and the values that they must have; of a list any one."""


class Part(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class CallPart(Part):
    """One request: its method with the path, what is asked for, and what is sent."""

    get: Text | None = Field(default=None, description="GET this path.")
    post: Text | None = Field(default=None, description="POST to this path.")
    put: Text | None = Field(default=None, description="PUT to this path.")
    patch: Text | None = Field(default=None, description="PATCH this path.")
    delete: Text | None = Field(default=None, description="DELETE this path.")
    query: Pairs = Field(default_factory=dict, description="Query parameters.")
    headers: Pairs = Field(default_factory=dict, description="Further headers.")
    body: Any = Field(default=None, description="The JSON body.")
    form: Pairs | None = Field(default=None, description="A form as the body, instead of JSON.")

    @model_validator(mode="after")
    def _one_method(self) -> CallPart:
        given = [name for name in METHODS if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"a request has exactly one of get, post, put, patch and delete; here is {said}")
        return self

    @property
    def method(self) -> str:
        """GET, POST, PUT, PATCH or DELETE."""
        return next(name for name in METHODS if getattr(self, name) is not None).upper()

    @property
    def path(self) -> str:
        """The path, or a whole address."""
        return str(getattr(self, self.method.lower()))


METHODS = ("get", "post", "put", "patch", "delete")
