"""What a run leaves in Temporal: little, and nothing of what anybody wrote."""

from __future__ import annotations

import pytest

from tests.replay.conftest import Played
from tests.replay.scenarios import PLANTED
from workflows.names import SEARCH_ATTRIBUTES

EVENTS, BYTES = 25, 4096


def test_no_history_holds_a_subject_an_address_a_body_or_a_file_name(played: Played) -> None:
    """Every event whole: payloads (JSON, neither compressed nor encrypted here), headers, summaries, failures."""
    found = {
        (name, event.event_id, word)
        for name, history in played.histories.items()
        for event in history.events
        for word in PLANTED
        if word.lower().encode() in event.SerializeToString().lower()
    }
    assert found == set()


def test_a_history_names_no_message_id_but_that_of_its_own_workflow_id(played: Played) -> None:
    ids = {history.workflow_id.rpartition("/")[2].partition("~")[0] for history in played.histories.values()}
    message_ids = {text for text in ids if "@" in text}
    assert len(message_ids) >= 6
    for name, history in played.histories.items():
        others = [m.encode() for m in message_ids if m not in history.workflow_id]
        assert not [m for event in history.events for m in others if m in event.SerializeToString()], name


def test_neither_do_the_lists_of_runs(played: Played) -> None:
    """Memo, search attributes, summary, details."""
    shown = {
        name: description.raw_description.SerializeToString().lower()
        for name, description in played.descriptions.items()
    }
    assert [(name, word) for name, text in shown.items() for word in PLANTED if word.lower().encode() in text] == []
    used = {pair.key.name for d in played.descriptions.values() for pair in d.typed_search_attributes}
    assert used - {"BuildIds"} <= set(SEARCH_ATTRIBUTES)


def test_the_planted_words_would_be_found(played: Played) -> None:
    """The look itself works: the one thing of a mail that a history may hold is found by it."""
    (started, *_) = played.histories["new_mail"].events
    assert b"new@ids.example" in started.SerializeToString()


@pytest.mark.parametrize("name", ["new_mail"])
def test_a_plain_mail_is_at_most_25_events_and_4_kilobytes(played: Played, name: str) -> None:
    info = played.descriptions[name].raw_description.workflow_execution_info
    assert info.history_length <= EVENTS
    assert info.history_size_bytes <= BYTES
