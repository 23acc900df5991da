"""Reads template.yaml as CloudFormation would for given parameters, as far as the tests need it.

Conditions are decided, parameters filled in and false resources left out. What only AWS knows
stays as the template has it: `{"Ref": "StateTable"}`, `{"Fn::GetAtt": "StateTable.Arn"}`.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

_PSEUDO = {
    "AWS::AccountId": "111111111111",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "tr",
    "AWS::URLSuffix": "amazonaws.com",
}
_NO_VALUE = object()


class _Loader(yaml.SafeLoader):
    """Turns CloudFormation's short tags into the long form."""


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise ValueError(f"A mapping carries the tag !{suffix}.")
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


@cache
def read_template() -> dict[str, Any]:
    """Return template.yaml with its short tags in the long form; not to be changed."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    template: dict[str, Any] = yaml.load(text, Loader=_Loader)
    return template


class Stack:
    """The template with its parameters filled in.

    Attributes:
        resources: logical id to resource; those whose condition is false are left out.
        outputs: name to value.
        function_globals: what every function gets.
    """

    def __init__(self, **parameters: str) -> None:
        template = read_template()
        defaults = {k: str(v.get("Default", "")) for k, v in template["Parameters"].items()}
        unknown = parameters.keys() - defaults.keys()
        if unknown:
            raise KeyError(f"The template has no parameters {sorted(unknown)}.")
        self._values = _PSEUDO | defaults | parameters
        self._conditions: dict[str, Any] = template["Conditions"]
        self.resources: dict[str, dict[str, Any]] = {
            name: self._fill(body)
            for name, body in template["Resources"].items()
            if "Condition" not in body or self._holds(body["Condition"])
        }
        self.outputs: dict[str, Any] = {
            name: self._fill(body["Value"]) for name, body in template["Outputs"].items()
        }
        self.function_globals: dict[str, Any] = self._fill(template["Globals"]["Function"])

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of each resource of a type, by logical id."""
        return {
            name: body.get("Properties", {})
            for name, body in self.resources.items()
            if body["Type"] == kind
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Return the properties of the resource with this logical id."""
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def broken_rules(self) -> list[str]:
        """Return what the template says of each rule that these parameters break."""
        return [
            assertion["AssertDescription"]
            for rule in read_template()["Rules"].values()
            if self._holds(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._holds(assertion["Assert"])
        ]

    def _holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._holds(self._conditions[condition])
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self._holds(argument)
            case "Fn::Equals":
                left, right = (self._fill(side) for side in argument)
                return bool(left == right)
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(self._holds(part) for part in argument)
            case "Fn::Or":
                return any(self._holds(part) for part in argument)
        raise ValueError(f"{name} is not known here.")

    def _fill(self, node: Any) -> Any:
        if isinstance(node, list):
            items = [self._fill(item) for item in node]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        filled = {key: self._fill(value) for key, value in node.items()}
        return {key: value for key, value in filled.items() if value is not _NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref" if argument == "AWS::NoValue":
                return _NO_VALUE
            case "Ref":
                return self._values.get(argument, {"Ref": argument})
            case "Fn::If":
                return self._fill(argument[1 if self._holds(argument[0]) else 2])
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::Split":
                return self._fill(argument[1]).split(argument[0])
            case "Fn::Select":
                return self._fill(argument[1])[int(argument[0])]
        return {name: argument}

    def _substitute(self, argument: Any) -> str:
        text, local = argument if isinstance(argument, list) else (argument, {})
        values = self._values | {key: self._fill(value) for key, value in local.items()}
        for key, value in values.items():
            if isinstance(value, str):
                text = text.replace("${" + key + "}", value)
        return str(text)
