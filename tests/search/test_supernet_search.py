"""A search whose candidates inherit: the supernet first, then seconds per candidate."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aebnas.cli.main import main
from aebnas.config import load
from aebnas.config.schema import SearchFile
from aebnas.errors import RunError, WorkerError
from aebnas.evaluation.record import Evaluation
from aebnas.hardware.devices.devices import processor
from aebnas.report.text.notes import warnings
from aebnas.report.text.summary import headline, provenance
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.search.events import CandidateStarted, Event, SupernetProgress, SupernetReady, Warned
from aebnas.search.session import new_session, resumed_session
from aebnas.supernet.storage import load_supernet, save_supernet, stored_metadata, supernet_file
from aebnas.supernet.training import SupernetTraining

FILE: dict[str, Any] = {
    "name": "digits",
    "data": {"name": "digits"},
    "space": {
        "stem": {"width": 8},
        "stages": [{"width": [4, 8]}, {"width": [8, 12], "stride": 2}],
        "exits": {"after": ["stage1"], "branch": {"modules": 0}},
    },
    "training": {"batch_size": 64, "learning_rate": 0.2, "precision": "fp32"},
    "evaluation": {"fidelities": [{"kind": "inherited", "recalibration_images": 250}]},
    "supernet": {"epochs": 1, "networks": 2, "branches": 1},
    "search": {"population": 3, "generations": 2, "max_trainings": 6},
    "workers": {"mode": "serial"},
}
CONFIG = SearchFile.model_validate(FILE)


def best(number: int) -> dict[str, Any]:
    """Return the section evaluation that trains so many inherited candidates for one epoch in the end."""
    inherited = FILE["evaluation"]["fidelities"]
    return {"evaluation": {"fidelities": [*inherited, {"trained": 1, "keep": number}]}}


def front(path: Path, config: SearchFile = CONFIG, listen: list[Event] | None = None) -> Any:
    events: list[Event] = [] if listen is None else listen
    with new_session(config, path, events.append) as search:
        return [generation.front for generation in search.run()][-1]


def scores(path: Path) -> dict[str, Any]:
    found: list[Evaluation] = list(RunStore(path).evaluations())
    return {one.key: one.metrics(1.0) for one in found}


def test_the_supernet_is_trained_before_the_first_candidate(tmp_path: Path) -> None:
    events: list[Event] = []
    front(tmp_path / "run", listen=events)
    kinds = [type(event).__name__ for event in events]
    assert kinds.index("SupernetProgress") < kinds.index("SupernetReady") < kinds.index("CandidateStarted")
    assert stored_metadata(supernet_file(tmp_path / "run"))[1]
    assert all(one.is_done for one in RunStore(tmp_path / "run").evaluations())


def test_two_searches_share_one_supernet_and_agree(tmp_path: Path) -> None:
    events: list[Event] = []
    first = front(tmp_path / "first")
    assert front(tmp_path / "second", listen=events) == first
    assert not any(isinstance(event, SupernetProgress) for event in events)
    origins = [event.origin for event in events if isinstance(event, SupernetReady)]
    assert origins == [str(supernet_file(tmp_path / "first"))]


def test_a_search_that_is_resumed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = front(tmp_path / "whole" / "run")
    path = tmp_path / "parts" / "run"

    began = 0.0

    def stop(event: Event) -> None:
        nonlocal began
        if isinstance(event, SupernetProgress):
            began = float(RunStore(path).metadata("elapsed_seconds", 0.0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), new_session(CONFIG, path, stop) as search:
        list(search.run())
    store = RunStore(path)
    assert not list(store.evaluations())
    assert store.metadata("elapsed_seconds") > began, "search.max_minutes counts the supernet's time"
    with resumed_session(path) as search:
        last = [generation.front for generation in search.run()][-1]
    assert last == whole
    a, b = (load_supernet(supernet_file(run)).weights for run in (tmp_path / "whole/run", path))
    assert all(bool((a[name] == b[name]).all()) for name in a)


def test_the_best_subnets_are_trained_in_the_end_and_a_resume_knows_it(tmp_path: Path) -> None:
    plain = FILE | {"training": FILE["training"] | {"epochs": 1}}
    config = SearchFile.model_validate(plain | best(2))
    last = front(tmp_path / "run", config)
    known = {one.key: one for one in RunStore(tmp_path / "run").evaluations()}
    trained = {key for key, one in known.items() if one.epochs == 1}
    assert len(trained) == 2
    assert all((known[key].train_loss is not None) == (key in trained) for key in known)
    events: list[Event] = []
    with resumed_session(tmp_path / "run", listener=events.append) as search:
        assert [generation.front for generation in search.run()][-1] == last
    assert not any(isinstance(event, CandidateStarted) for event in events)
    front(tmp_path / "subnets", SearchFile.model_validate(plain))
    with resumed_session(
        tmp_path / "subnets", [f"evaluation.fidelities={json.dumps(best(2)['evaluation']['fidelities'])}"]
    ) as search:
        assert [generation.front for generation in search.run()][-1] == last


def test_the_command_trains_what_a_search_then_uses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "digits.yaml"
    file.write_text(json.dumps(FILE | {"evaluation": {}}))
    assert main(["supernet", str(file), "--runs", str(tmp_path / "runs"), "--json"]) == 0
    output = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert output[-1]["event"] == "supernet_ready"
    assert output[-1]["origin"] == "trained"
    assert set(output[-2]["accuracies"]) == {"smallest", "middle", "largest"}
    events: list[Event] = []
    front(tmp_path / "runs" / "digits", listen=events)
    assert [event.origin for event in events if isinstance(event, SupernetReady)] == ["known"]


def test_a_run_with_the_supernet_of_another_space_is_refused(tmp_path: Path) -> None:
    front(tmp_path / "first")
    path = supernet_file(tmp_path / "first")
    plain = FILE | {"supernet": FILE["supernet"] | {"file": str(path)}}
    plain["space"] = FILE["space"] | {"stem": {"width": 4}}
    with pytest.raises(RunError, match=r"space\.stem\.width: 8 -> 4"):
        front(tmp_path / "second", SearchFile.model_validate(plain))
    assert not (tmp_path / "second").exists(), "the name is still free"


def test_a_given_supernet_is_found_from_wherever_the_run_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = front(tmp_path / "first")
    monkeypatch.chdir(tmp_path / "first")
    plain = FILE | {"supernet": FILE["supernet"] | {"file": "supernet/supernet.safetensors"}}

    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    given = SearchFile.model_validate(plain)
    with pytest.raises(KeyboardInterrupt), new_session(given, tmp_path / "second", stop) as search:
        list(search.run())
    monkeypatch.chdir(tmp_path)
    with resumed_session(tmp_path / "second") as search:
        assert [generation.front for generation in search.run()][-1] == first


def test_a_run_notes_what_its_supernet_is_and_its_report_says_it(tmp_path: Path) -> None:
    front(tmp_path / "first")
    front(tmp_path / "second")
    with resumed_session(tmp_path / "first", ["search.max_trainings=7", "search.generations=3"]) as search:
        list(search.run())  # the supernet is known now: that it was trained for this run stays
    metadata = {}
    for name in ("first", "second"):
        store = RunStore(tmp_path / name)
        contents = read_run(store)
        metadata[name] = {one.name: one for one in (*headline(contents), *provenance(contents))}
        store.close()
    first, second = (metadata[name]["Supernet"] for name in ("first", "second"))
    assert first.value.startswith("trained for this run; ")
    assert first.value.endswith(f"of training on {processor()}")
    assert re.match(
        r"at its end, accuracy on calibrate by exit: smallest [\d.]+% / [\d.]+%; middle ", first.note
    )
    assert second.value.startswith(f"copied from {tmp_path / 'first'}")
    assert second.note == first.note
    assert "the supernet's" in metadata["first"]["Wall clock"].note
    assert "the supernet's" not in metadata["second"]["Wall clock"].note


def test_a_supernet_that_ctrl_c_left_finished_is_still_this_runs_own(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, SupernetProgress) and event.step == event.steps:
            raise KeyboardInterrupt

    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt), new_session(CONFIG, path, stop) as search:
        list(search.run())
    with resumed_session(path) as search:
        list(search.run())
    store = RunStore(path)
    assert store.metadata("supernet")["origin"] == "trained"
    store.close()


def test_a_supernet_trained_before_its_run_is_the_runs_own(tmp_path: Path) -> None:
    file = tmp_path / "digits.yaml"
    file.write_text(json.dumps(FILE))
    assert main(["supernet", str(file), "--runs", str(tmp_path / "runs"), "--json"]) == 0
    front(tmp_path / "runs" / "digits")
    store = RunStore(tmp_path / "runs" / "digits")
    metadata = {one.name: one for one in provenance(read_run(store))}
    store.close()
    assert metadata["Supernet"].value.startswith("the run's own, trained before; ")


def test_the_command_refuses_a_given_supernet_before_it_makes_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "digits.yaml"
    file.write_text(json.dumps(FILE | {"supernet": FILE["supernet"] | {"file": str(tmp_path / "none")}}))
    assert main(["supernet", str(file), "--runs", str(tmp_path / "runs")]) != 0
    assert "there is no supernet" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_the_command_refuses_a_given_supernet_where_the_run_has_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, runs = tmp_path / "digits.yaml", ["--runs", str(tmp_path / "runs")]
    file.write_text(json.dumps(FILE))
    assert main(["supernet", str(file), *runs, "--name", "given", "--json"]) == 0
    assert (
        main(["supernet", str(file), *runs, "--name", "own", "--set", "supernet.reuse=never", "--json"]) == 0
    )
    own, given = (supernet_file(tmp_path / "runs" / name) for name in ("own", "given"))
    again = ["supernet", str(file), *runs, "--name", "own", "--json", "--set", f"supernet.file={given}"]
    save_supernet(own, replace(load_supernet(own), record={"seconds": 0.0}))
    assert main(again) != 0
    assert "own/supernet/supernet.safetensors is another supernet than" in capsys.readouterr().err
    shutil.copy(given, own)
    assert main(again) == 0


def test_a_file_of_successive_halving_can_have_a_supernet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "digits.yaml"
    halving = {"fidelities": [{"trained": 2}, {"trained": 4, "keep": "1/2"}]}
    file.write_text(json.dumps(FILE | {"evaluation": halving}))
    assert main(["supernet", str(file), "--runs", str(tmp_path / "runs"), "--json"]) == 0
    assert '"supernet_ready"' in capsys.readouterr().out


def test_ctrl_c_in_the_command_is_told_as_json_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aebnas.search.artefacts.supernets.trained_supernet", stopped)
    file = tmp_path / "digits.yaml"
    file.write_text(json.dumps(FILE))
    assert main(["supernet", str(file), "--runs", str(tmp_path / "runs"), "--json"]) == 130
    output = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert output[-1]["event"] == "interrupted"
    assert output[-1]["resume"] == f"aebnas supernet {file} --runs {tmp_path / 'runs'} --json"


def test_a_run_may_be_continued_with_another_number_of_processes(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, SupernetProgress):
            raise KeyboardInterrupt

    two = SearchFile.model_validate(FILE | {"supernet": FILE["supernet"] | {"processes": 2}})
    with pytest.raises(KeyboardInterrupt), new_session(two, tmp_path / "run", stop) as search:
        list(search.run())
    with resumed_session(tmp_path / "run", ["supernet.processes=1"]) as search:
        list(search.run())
    store = RunStore(tmp_path / "run")
    assert store.metadata("supernet")["is_mixed"], "two processes, then one"
    metadata = {one.name: one for one in provenance(read_run(store))}
    store.close()
    assert metadata["Exactly repeatable"].value == "no"
    assert "numbers of processes trained its supernet" in metadata["Exactly repeatable"].note


def test_a_run_with_a_copied_supernet_is_repeatable_with_that_one(tmp_path: Path) -> None:
    front(tmp_path / "first")
    front(tmp_path / "second")
    notes = {}
    for name in ("first", "second"):
        store = RunStore(tmp_path / name)
        notes[name] = {one.name: one for one in provenance(read_run(store))}["Exactly repeatable"].note
        store.close()
    assert notes["first"].endswith("on GPUs up to rounding")
    assert notes["second"].endswith(f"copied from {supernet_file(tmp_path / 'first')}")


def test_ctrl_c_tells_how_far_the_supernet_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backward, calls = SupernetTraining._backward, 0

    def stopped(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 10:  # two networks a step
            raise KeyboardInterrupt
        return backward(*arguments)

    monkeypatch.setattr(SupernetTraining, "_backward", stopped)
    file = tmp_path / "digits.yaml"
    file.write_text(json.dumps(FILE))
    assert main(["search", str(file), "--runs", str(tmp_path / "runs"), "--json"]) == 130
    output = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (output["kept"], output["supernet"]) == (0, {"step": 5, "steps": 18})
    contents = read_run(RunStore(tmp_path / "runs" / "digits"))
    assert {one.name: one.value for one in provenance(contents)}["Supernet"] == "its training has not ended"
    assert main(["supernet", str(file), "--runs", str(tmp_path / "runs"), "--name", "other"]) == 130
    assert "kept after 0 of 18 steps. The same command continues: aebnas supernet" in capsys.readouterr().out


def test_a_diverged_supernet_ends_the_search(tmp_path: Path) -> None:
    wild = SearchFile.model_validate(FILE | {"supernet": FILE["supernet"] | {"learning_rate": 100}})
    with pytest.raises(WorkerError, match=r"diverged: its loss is .* Begin anew, under another --name"):
        front(tmp_path / "run", wild)
    contents = read_run(RunStore(tmp_path / "run"))
    (output,) = (
        one for one in warnings(contents) if "The search stopped: the supernet's training diverged" in one
    )
    assert "Continue it" not in output, "it would diverge again"
    metadata = {one.name: one.value for one in provenance(contents)}
    assert metadata["Supernet"] == "its training diverged"


def test_a_supernet_that_another_processor_went_on_with_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, SupernetProgress):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), new_session(CONFIG, tmp_path / "run", stop) as search:
        list(search.run())
    monkeypatch.setattr("aebnas.supernet.training_loop.processor", lambda: "another")
    with resumed_session(tmp_path / "run") as search:
        list(search.run())
    store = RunStore(tmp_path / "run")
    noted, metadata = store.metadata("supernet"), {one.name: one for one in provenance(read_run(store))}
    store.close()
    assert (noted["is_mixed"], noted["processor"]) == (True, "another")
    assert metadata["Supernet"].value.endswith("of training on another")
    assert metadata["Exactly repeatable"].value == "no"


def test_the_time_of_a_supernet_counts_even_if_the_search_is_killed(tmp_path: Path) -> None:
    spent = []

    def watch(event: Event) -> None:
        if isinstance(event, SupernetProgress):
            spent.append(RunStore(tmp_path / "run").metadata("elapsed_seconds"))  # as a kill would leave it

    with new_session(CONFIG, tmp_path / "run", watch) as search:
        list(search.run())
    assert spent[0] > 0
    assert spent == sorted(spent)


def test_limits_on_accuracy_that_no_subnet_meets_are_explained(tmp_path: Path) -> None:
    limited = SearchFile.model_validate(FILE | {"constraints": {"accuracy": {"min": 0.999}}})
    events: list[Event] = []
    front(tmp_path / "run", limited, events)
    output = [event.text for event in events if isinstance(event, Warned)]
    assert len(output) == 1
    assert "lower than training gives" in output[0]
    assert "Loosen constraints.accuracy for the search, or train the best in its end" in output[0]
    assert any("Loosen constraints.accuracy" in one for one in warnings(read_run(RunStore(tmp_path / "run"))))


def test_a_given_supernet_may_be_a_run_and_is_refused_with_the_settings_that_serve(tmp_path: Path) -> None:
    first = front(tmp_path / "first")
    given = {"supernet": FILE["supernet"] | {"file": str(tmp_path / "first"), "reuse": "never"}}
    assert front(tmp_path / "second", SearchFile.model_validate(FILE | given)) == first
    given["supernet"]["epochs"] = 7
    with pytest.raises(RunError, match=r"supernet\.epochs: 1 -> 7\. It serves .* --set supernet\.epochs=1$"):
        front(tmp_path / "third", SearchFile.model_validate(FILE | given))


def test_check_looks_at_a_given_supernet_and_at_sections_that_nothing_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "digits.yaml"
    file.write_text(json.dumps(FILE | {"evaluation": {}}))
    assert main(["check", str(file), "--samples", "5"]) == 0
    assert "Note: section supernet: only the fidelity inherited" in capsys.readouterr().out
    wanted = ["--set", "evaluation.fidelities=[inherited]", "--set", f"supernet.file={tmp_path / 'none'}"]
    assert main(["check", str(file), "--samples", "5", *wanted]) != 0
    assert "there is no supernet" in capsys.readouterr().err
    front(tmp_path / "first")
    wanted[-1] = f"supernet.file={tmp_path / 'first'}"
    assert main(["check", str(file), "--samples", "5", "--json", *wanted]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []
    assert main(["check", str(file), "--samples", "5", *wanted, "--set", "space.stem.width=4"]) != 0
    assert "space.stem.width: 8 -> 4" in capsys.readouterr().err


def test_limits_that_subnets_miss_for_other_reasons_are_not_put_on_accuracy(tmp_path: Path) -> None:
    limits = {"accuracy": {"min": 0.01}, "params": {"max": 10}}
    events: list[Event] = []
    limited = SearchFile.model_validate(
        FILE | {"constraints": limits, "search": FILE["search"] | {"algorithm": "random"}}
    )
    front(tmp_path / "run", limited, events)
    assert not [event for event in events if isinstance(event, Warned)]


def test_advice_is_not_repeated_by_a_replay(tmp_path: Path) -> None:
    limited = SearchFile.model_validate(FILE | {"constraints": {"accuracy": {"min": 0.999}}})
    front(tmp_path / "run", limited)
    events: list[Event] = []
    with resumed_session(tmp_path / "run", listener=events.append) as search:
        list(search.run())
    assert not [event for event in events if isinstance(event, Warned)]


@pytest.mark.parametrize(
    ("trained", "wanted", "words"),
    [
        ({}, {"rule": "fair"}, "--set supernet.rule=sandwich --set supernet.distillation=0.5"),
        ({"rule": "fair"}, {}, "--set supernet.rule=fair --set supernet.distillation=0.0"),
        ({"optimizer": "adamw"}, {"networks": 4}, "--set supernet.networks=2 --set supernet.optimizer=adamw"),
    ],
)
def test_the_words_that_serve_do(
    tmp_path: Path, trained: dict[str, Any], wanted: dict[str, Any], words: str
) -> None:
    front(tmp_path / "first", SearchFile.model_validate(FILE | {"supernet": FILE["supernet"] | trained}))
    given = {"file": str(tmp_path / "first"), "reuse": "never"}
    file = tmp_path / "digits.json"
    file.write_text(json.dumps(FILE | {"supernet": FILE["supernet"] | wanted | given}))
    with pytest.raises(RunError) as refused:
        front(tmp_path / "second", load(file))
    offered = str(refused.value).split("trained with: ")[1]
    assert sorted(shlex.split(offered)) == sorted(shlex.split(words))
    front(tmp_path / "second", load(file, [word for word in shlex.split(offered) if word != "--set"]))


def test_a_given_supernet_is_needed_no_more_once_it_was_copied(tmp_path: Path) -> None:
    front(tmp_path / "first")
    file = tmp_path / "digits.yaml"
    file.write_text(json.dumps(FILE | {"supernet": FILE["supernet"] | {"file": str(tmp_path / "first")}}))
    command = ["supernet", str(file), "--runs", str(tmp_path / "runs"), "--json"]
    assert main(command) == 0
    shutil.rmtree(tmp_path / "first")
    assert main(command) == 0


def test_top_candidates_that_are_none_any_more_are_told(tmp_path: Path) -> None:
    plain = FILE | {"training": FILE["training"] | {"epochs": 1}}
    config = SearchFile.model_validate(plain | best(2))
    events: list[Event] = []
    front(tmp_path / "run", config, events)
    assert not [event for event in events if isinstance(event, Warned)]
    with resumed_session(tmp_path / "run", ["evaluation.fidelities.1.keep=1"], events.append) as search:
        list(search.run())
    assert [event.text for event in events if isinstance(event, Warned)][-1].startswith(
        "1 that an earlier end"
    )


def test_supernets_of_hidden_folders_are_not_used(tmp_path: Path) -> None:
    front(tmp_path / ".away")
    events: list[Event] = []
    front(tmp_path / "run", listen=events)
    assert [event.origin for event in events if isinstance(event, SupernetReady)] == ["trained"]


@pytest.mark.slow
def test_workers_inherit_the_same_scores(tmp_path: Path) -> None:
    front(tmp_path / "serial")
    workers = SearchFile.model_validate(FILE | {"workers": {"count": 2}})
    front(tmp_path / "ray", workers)
    assert scores(tmp_path / "ray") == scores(tmp_path / "serial")
