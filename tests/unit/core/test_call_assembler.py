"""Tool calls from fragments: whatever a provider cuts, names twice or leaves out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core.call_assembler import CallAssembler, CallDelta, ModelCall
from core.model import CallFragment
from tests.support.runs import CountedIds
from tests.unit.core.model_turns import ANY_FRAGMENT, HALVES, SaidCalls, said_calls


def assembler() -> CallAssembler:
    ids = CountedIds()
    return CallAssembler(lambda: ids.new("call"))


def assemble(*fragments: CallFragment) -> tuple[list[ModelCall], list[CallDelta]]:
    """Return the calls that fragments make, and the deltas that announced them."""
    calls = assembler()
    deltas = [delta for fragment in fragments for delta in calls.push(fragment)]
    deltas += calls.finish()
    return calls.calls(), deltas


def check_deltas(calls: list[ModelCall], deltas: list[CallDelta]) -> None:
    """Fail unless a client that concatenates strings gets the calls from the deltas."""
    heard: list[ModelCall] = []
    for delta in deltas:
        if delta.index == len(heard):
            assert delta.id is not None
            assert delta.name is not None
            heard.append(ModelCall(delta.id, delta.name, delta.arguments))
        else:
            assert (delta.id, delta.name) == (None, None), "an id or a name is said twice"
            assert delta.arguments, "a delta without news"
            old = heard[delta.index]
            heard[delta.index] = ModelCall(old.id, old.name, old.arguments + delta.arguments)
    assert heard == calls
    for call in calls:
        # Half a character cannot be written.
        (call.id + call.name + call.arguments).encode()
    assert all(call.id for call in calls)
    assert len({call.id for call in calls}) == len(calls)


@settings(max_examples=400)
@given(said_calls())
def test_calls_come_out_as_they_were_meant_however_they_are_cut(said: SaidCalls) -> None:
    calls, deltas = assemble(*said.fragments)
    assert [(call.name, call.arguments) for call in calls] == [
        (call.name, call.arguments) for call in said.calls
    ]
    check_deltas(calls, deltas)


@given(said_calls())
def test_a_providers_id_is_kept_if_it_comes_in_time_and_is_not_taken(said: SaidCalls) -> None:
    calls, _ = assemble(*said.fragments)
    early: set[str] = set()
    begun: set[int | None] = {None}
    for fragment in said.fragments:
        # With an index, only a call's first fragment is surely in time.
        if (
            fragment.id
            and fragment.name
            and (fragment.index is None or fragment.index not in begun)
        ):
            early.add(fragment.id)
        begun.add(fragment.index)
    taken: set[str] = set()
    for call, meant in zip(calls, said.calls, strict=True):
        if meant.id in early and meant.id not in taken:
            assert call.id == meant.id
        taken.add(call.id)


@settings(max_examples=400)
@given(st.lists(ANY_FRAGMENT, max_size=12))
def test_even_nonsense_loses_no_argument_and_repeats_none(fragments: list[CallFragment]) -> None:
    calls, deltas = assemble(*fragments)
    check_deltas(calls, deltas)
    said = "".join(fragment.arguments or "" for fragment in fragments)
    heard = "".join(call.arguments for call in calls)
    # A half that is alone is still a character; two that met are one.
    said = "".join("\ufffd" if unit in HALVES else unit for unit in said)
    heard = heard.replace("\U0001f600", "\ufffd\ufffd")
    assert sorted(heard) == sorted(said)


def test_arguments_are_told_as_they_come() -> None:
    calls = assembler()
    assert calls.push(CallFragment(0, "call_a", "f", "")) == []
    assert calls.push(CallFragment(0, None, None, '{"a"')) == [
        CallDelta(0, "call_a", "f", ""),
        CallDelta(0, None, None, '{"a"'),
    ]
    assert calls.push(CallFragment(0, None, None, ": 1}")) == [CallDelta(0, None, None, ": 1}")]
    assert calls.finish() == []


def test_a_call_without_arguments_is_told_when_the_next_begins_or_the_answer_ends() -> None:
    calls = assembler()
    assert calls.push(CallFragment(0, "call_a", "f", None)) == []
    assert calls.push(CallFragment(1, "call_b", "g", None)) == [CallDelta(0, "call_a", "f", "")]
    assert calls.finish() == [CallDelta(1, "call_b", "g", "")]
    assert calls.calls() == [ModelCall("call_a", "f", ""), ModelCall("call_b", "g", "")]


def test_whole_calls_that_all_have_the_index_0_are_different_calls() -> None:
    calls, _ = assemble(
        CallFragment(0, "call_a", "f", '{"n": 1}'), CallFragment(0, "call_b", "f", '{"n": 2}')
    )
    assert calls == [ModelCall("call_a", "f", '{"n": 1}'), ModelCall("call_b", "f", '{"n": 2}')]


def test_whole_calls_without_index_and_id_are_different_calls() -> None:
    calls, _ = assemble(
        CallFragment(None, None, "f", '{"n": 1}'), CallFragment(None, None, "f", '{"n": 2}')
    )
    assert [call.arguments for call in calls] == ['{"n": 1}', '{"n": 2}']
    assert calls[0].id != calls[1].id


def test_a_new_id_with_every_piece_does_not_begin_new_calls() -> None:
    calls, _ = assemble(
        CallFragment(0, "call_a", "f", '{"n"'),
        CallFragment(0, "call_b", None, ": 1"),
        CallFragment(0, "call_c", "", "}"),
    )
    assert calls == [ModelCall("call_a", "f", '{"n": 1}')]


def test_pieces_without_index_belong_to_the_call_before() -> None:
    calls, _ = assemble(
        CallFragment(None, "call_a", "f", "{"),
        CallFragment(None, None, None, "}"),
        CallFragment(None, "call_b", "g", "{"),
        CallFragment(None, "call_b", None, "}"),
    )
    assert calls == [ModelCall("call_a", "f", "{}"), ModelCall("call_b", "g", "{}")]


def test_arguments_that_come_before_the_name_wait_for_it() -> None:
    calls = assembler()
    assert calls.push(CallFragment(0, "call_a", None, '{"a"')) == []
    assert calls.push(CallFragment(0, None, "f", None)) == [
        CallDelta(0, "call_a", "f", ""),
        CallDelta(0, None, None, '{"a"'),
    ]


def test_an_id_that_comes_after_the_call_was_told_changes_nothing() -> None:
    calls, deltas = assemble(
        CallFragment(0, None, "f", "{"), CallFragment(0, "call_late", None, "}")
    )
    assert calls == [ModelCall("call_0001", "f", "{}")]
    check_deltas(calls, deltas)


def test_a_character_that_was_cut_in_two_is_told_when_it_is_whole() -> None:
    calls = assembler()
    assert calls.push(CallFragment(0, "call_a", "f", '"\ud83d')) == [
        CallDelta(0, "call_a", "f", ""),
        CallDelta(0, None, None, '"'),
    ]
    assert calls.push(CallFragment(0, None, None, '\ude00"')) == [
        CallDelta(0, None, None, '\U0001f600"')
    ]


def test_half_a_character_ends_with_the_answer_and_is_told_as_such() -> None:
    calls, deltas = assemble(
        CallFragment(0, "call_\ud83d", "\ude00f", "\ud83d"), CallFragment(1, "call_b", "g", "{}")
    )
    assert calls == [
        ModelCall("call_\ufffd", "\ufffdf", "\ufffd"),
        ModelCall("call_b", "g", "{}"),
    ]
    check_deltas(calls, deltas)


def test_ids_that_are_the_same_once_they_are_mended_are_told_apart() -> None:
    calls, _ = assemble(
        CallFragment(0, "call_\ud83d", "f", "{}"), CallFragment(1, "call_\ude00", "g", "{}")
    )
    assert [call.id for call in calls] == ["call_\ufffd", "call_0001"]


def test_a_call_without_a_name_is_a_call_that_somebody_must_refuse() -> None:
    calls, deltas = assemble(CallFragment(0, "call_a", None, "{}"))
    assert calls == [ModelCall("call_a", "", "{}")]
    check_deltas(calls, deltas)


def test_of_two_calls_with_the_same_id_the_second_gets_another() -> None:
    calls, deltas = assemble(
        CallFragment(0, "call_a", "f", "{}"), CallFragment(1, "call_a", "g", "{}")
    )
    assert [call.id for call in calls] == ["call_a", "call_0001"]
    check_deltas(calls, deltas)


def test_an_id_that_was_made_up_is_not_given_to_a_later_call() -> None:
    calls, deltas = assemble(
        CallFragment(0, None, "f", "{}"), CallFragment(1, "call_0001", "g", "{}")
    )
    assert [call.id for call in calls] == ["call_0001", "call_0002"]
    check_deltas(calls, deltas)
