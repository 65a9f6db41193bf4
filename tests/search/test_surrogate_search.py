"""Searches with a surrogate: repeatable, judged, kept, and off by default."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from search.fake_searches import Finished, searched
from search.fakes import FakePool, fake_config, fake_failure, fake_outcome, fake_problem, fitted_outcome

from aebnas.config import SearchFile
from aebnas.errors import RunError
from aebnas.evaluation.plan import first_step
from aebnas.evaluation.record import Outcome
from aebnas.hardware.cost.cost import network_cost
from aebnas.runs.environment import check_versions, environment
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Generation, SurrogateStatus
from aebnas.search.proposers.exact import ExactCosts
from aebnas.search.proposers.surrogate.features import ArchitectureFeatures
from aebnas.search.proposers.surrogate.quantities import from_model, to_model
from aebnas.search.start import make_proposer
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.task.task import classification

QUICK = (
    "search.surrogate=ridge",
    "search.population=10",
    "search.surrogate_options={inner_population: 20, inner_generations: 2}",
)
CONFIG = fake_config(*QUICK)
SPACE = StagedSpace(CONFIG.space, 8, CONFIG.search.budget_fractions)


def run(path: Path, config: SearchFile, pool: FakePool | None = None) -> list[Generation]:
    return searched(path, config, pool or FakePool())


def statuses(path: Path, *overrides: str) -> list[SurrogateStatus]:
    generations = run(path, fake_config(*QUICK, *overrides))
    return [one.surrogate for one in generations if one.surrogate is not None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = tmp_path_factory.mktemp("whole") / "run"
    return Finished(path, run(path, CONFIG))


@pytest.mark.parametrize("after", [3, 25])
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, whole: Finished, after: int
) -> None:
    first, second = FakePool(interrupt_after=after), FakePool()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", CONFIG, first)
    assert run(tmp_path / "cut", CONFIG, second) == whole.generations
    assert not set(first.trained) & set(second.trained)


def test_generations_of_one_hold_both_shares_in_turn_and_never_more(tmp_path: Path) -> None:
    shares = "{inner_population: 20, inner_generations: 2, control: 0.5, exploration: 0.25}"
    config = fake_config(
        "search.surrogate=ridge", "search.population=8", "search.offspring=1", "search.generations=25",
        "search.max_trainings=null", f"search.surrogate_options={shares}",
        "constraints={accuracy: {min: 0.999}}",
    )  # fmt: skip
    generations = run(tmp_path / "run", config)
    assert [len(one.proposed) for one in generations] == [8] + 24 * [1]
    sources = Counter(
        predictions.source
        for one in generations
        for predictions in (one.surrogate.predictions if one.surrogate else ())
    )
    assert sources["exploration"] > 3
    assert sources["plain"] > 3


def test_the_order_in_which_workers_finish_changes_nothing(tmp_path: Path) -> None:
    class Forward(FakePool):
        def evaluate(self, architectures, started, step_of=first_step):  # type: ignore[no-untyped-def]
            return super().evaluate(list(reversed(architectures)), started, step_of)

    assert run(tmp_path / "a", CONFIG) == run(tmp_path / "b", CONFIG, Forward())


def test_extending_a_run_equals_a_longer_one(tmp_path: Path) -> None:
    run(tmp_path / "short", fake_config(*QUICK, "search.max_trainings=25"))
    assert run(tmp_path / "short", CONFIG) == run(tmp_path / "long", CONFIG)


def test_auto_repeats_itself_with_all_models(tmp_path: Path) -> None:
    config = fake_config(*QUICK, "search.surrogate=auto", "search.generations=2")
    assert run(tmp_path / "a", config) == run(tmp_path / "b", config)


def test_the_first_generation_is_that_of_plain_nsga2(tmp_path: Path) -> None:
    plain = run(tmp_path / "plain", fake_config(*QUICK[1:2], "search.generations=1"))
    assert run(tmp_path / "run", CONFIG)[0] == plain[0]


def test_no_architecture_is_trained_twice_and_every_generation_is_full(whole: Finished) -> None:
    store = RunStore(whole.path)
    proposed = [generation["proposed"] for generation in store.generations()]
    store.close()
    assert [len(set(keys)) for keys in proposed] == [10] * 4
    assert len({key for keys in proposed for key in keys}) == 40


def test_every_generation_holds_the_shares_of_plain_nsga2_and_of_chance(whole: Finished) -> None:
    store = RunStore(whole.path)
    output = [one["surrogate"] for one in store.generations() if "surrogate" in one]
    store.close()
    sources = [
        Counter(one["source"] for one in status["predictions"]) for status in output if status["is_on"]
    ]
    assert sources
    assert all(one["plain"] >= 2 and one["exploration"] == 1 for one in sources)


def test_the_status_is_kept_as_it_was_told(tmp_path: Path) -> None:
    generations = run(tmp_path / "run", CONFIG)
    store = RunStore(tmp_path / "run")
    kept = [one.get("surrogate") for one in store.generations()]
    store.close()
    output = [None if one.surrogate is None else asdict(one.surrogate) for one in generations]
    assert kept == json.loads(json.dumps(output))
    assert kept[0] is None
    assert kept[-1]["compared"] == 30


def test_the_summary_of_a_run_without_a_surrogate_says_nothing_of_one(tmp_path: Path) -> None:
    run(tmp_path / "run", fake_config("search.generations=2"))
    store = RunStore(tmp_path / "run")
    assert all("surrogate" not in one for one in store.generations())
    store.close()


def test_a_switched_off_surrogate_leaves_everything_to_plain_nsga2(tmp_path: Path) -> None:
    options = "search.surrogate_options={inner_population: 20, inner_generations: 2, min_tau: 0.999}"
    last = statuses(tmp_path / "run", options)[-1]
    assert not last.is_on
    assert "is below 0.999" in last.reason
    assert {one.source for one in last.predictions} == {"plain"}


def test_it_waits_until_enough_networks_are_trained(tmp_path: Path) -> None:
    generations = run(tmp_path / "run", fake_config(*QUICK, "search.population=5"))
    assert [one.surrogate is None for one in generations] == [True, True, False, False]


def test_failed_candidates_are_not_judged(tmp_path: Path) -> None:
    def sometimes(architecture: StagedArchitecture) -> Outcome:
        failed = int(architecture.key(), 16) % 4 == 0
        return fake_failure(architecture) if failed else fake_outcome(architecture)

    last = run(tmp_path / "run", CONFIG, FakePool(outcome=sometimes))[-1]
    assert last.surrogate is not None
    first = 10
    assert last.failed > 0
    assert last.surrogate.compared <= 40 - first - 1


@pytest.mark.parametrize(
    "overrides",
    [
        ("constraints={worst_macs: {max: 1.5e5}, accuracy: {min: 0.2}}",),
        ("constraints={accuracy: {min: 0.999}}",),
        ("objectives=[error, macs, params]",),
        ("space.exits={after: []}",),
    ],
    ids=["constraints", "infeasible", "three objectives", "no exits"],
)
def test_every_kind_of_search_takes_a_surrogate(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    assert statuses(tmp_path / "run", *overrides)[-1].models["error"] == "ridge"


def test_how_far_a_target_is_missed_is_predicted_too(tmp_path: Path) -> None:
    config = fake_config(*QUICK, "exits={policy: pcee, accuracy: 0.9}", "search.generations=2")
    last = searched(tmp_path / "run", config, FakePool(outcome=fitted_outcome(config)))[-1]
    assert last.surrogate is not None
    assert set(last.surrogate.models) == {"error", "macs", "target"}


def test_a_small_space_is_searched_until_hardly_anything_is_new(tmp_path: Path) -> None:
    tiny = ("space.stages=[{width: 8}, {width: [8, 12]}]", "search.generations=6")
    generations = run(tmp_path / "run", fake_config(*QUICK, *tiny, "space.exits.branch={modules: [0, 1]}"))
    proposed = [key for generation in generations for key in generation.proposed]
    assert len(proposed) == len(set(proposed)) == 18


def test_counted_costs_are_those_of_the_network_and_not_predicted() -> None:
    architecture = SPACE.decode(SPACE.sample(np.random.default_rng(1)))
    cost = ExactCosts(classification(1, 10)).of(architecture)
    counted = network_cost(architecture, classification(1, 10))
    assert cost.reach["macs"].tolist() == counted.reach_macs.tolist()
    assert cost.span("worst_macs") == (counted.reach_macs[-1], counted.reach_macs[-1])


def test_equal_networks_have_equal_features_whatever_their_inactive_genes() -> None:
    features, exact = ArchitectureFeatures(SPACE), ExactCosts(classification(1, 10))
    rng = np.random.default_rng(0)
    for _ in range(20):
        architecture = SPACE.decode(SPACE.sample(rng))
        again = SPACE.decode(SPACE.encode(architecture))
        rows = [features.row(one, exact.of(one)) for one in (architecture, again)]
        assert np.array_equal(*rows)


@pytest.mark.parametrize("name", ["error", "macs"])
def test_what_models_see_leads_back_to_what_was_measured(name: str) -> None:
    rng = np.random.default_rng(0)
    costs = [ExactCosts(classification(1, 10)).of(SPACE.decode(SPACE.sample(rng))) for _ in range(5)]
    shares = np.asarray(SPACE.budget_fractions)
    reach = np.asarray([[cost.reach["macs"][0], cost.reach["macs"][-1]] for cost in costs])
    part = rng.random((5, len(shares)))
    values = part if name == "error" else reach[:, :1] + part * (reach[:, 1:] - reach[:, :1])
    assert from_model(name, to_model(name, values, costs, shares), costs, shares) == pytest.approx(values)


def test_another_version_of_what_fits_is_refused_where_a_surrogate_decides() -> None:
    then = environment()
    then["versions"]["scikit-learn"] = "0.1"
    with pytest.raises(RunError, match=r"scikit-learn 0\.1 then"):
        check_versions(then, has_surrogate=True)
    check_versions(then)


def test_the_proposer_is_plain_where_no_surrogate_is_asked_for() -> None:
    assert type(make_proposer(fake_problem(fake_config()))).__name__ == "Nsga2Proposer"


def test_a_search_with_a_surrogate_is_closed_like_any_other(tmp_path: Path) -> None:
    pool = FakePool()
    searched(tmp_path / "run", CONFIG, pool)
    assert pool.is_closed
