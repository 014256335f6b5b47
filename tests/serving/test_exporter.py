from __future__ import annotations

import pytest
from onnxscript import TracedOnnxFunction
from onnxscript.function_libs.torch_lib import ops, registration

from churn_torch.serving.exporter import unparsed_translations


def translations() -> list[TracedOnnxFunction]:
    assert ops  # their import is what registers them
    functions = [f for found in registration.default_registry.values() for f in found.overloads]
    return [function for function in functions if isinstance(function, TracedOnnxFunction)]


def test_every_translation_has_the_domain_that_a_parse_gives():
    parsed = [function.function_ir.domain for function in translations()]
    with unparsed_translations():
        assert [function.function_ir.domain for function in translations()] == parsed
        assert not hasattr(translations()[0].function_ir, "name")  # nothing else is made up
    assert len(parsed) > 100


def test_afterwards_they_are_parsed_again():
    before = TracedOnnxFunction.function_ir
    with pytest.raises(KeyboardInterrupt), unparsed_translations():
        raise KeyboardInterrupt
    assert TracedOnnxFunction.function_ir is before
