"""Each kind of mistake, and the whole line that answers it."""

from __future__ import annotations

import pytest

from aebnas.config import parse
from aebnas.errors import ConfigError

VALID = """\
name: tiny
data: {name: digits}
space:
  stages:
    - {width: 8}
    - {width: 16, block: {type: mbconv, kernel: 3, se: false}}
  exits:
    after: [stage1]
    branch: {module: {type: [conv, dwconv]}}
objectives: [error, macs]
constraints: {accuracy: {min: 0.5}}
training:
  epochs: 8
  learning_rate: 0.1
search: {population: 8, budget_fractions: [0.5, 1.0]}
workers: {count: auto}
"""
DATASETS = "mnist5k, digits, fashion_mnist, cifar10, cifar100, svhn"
TRAINING = (
    "epochs, batch_size, learning_rate, backbone_rate_multiplier, momentum, weight_decay, warmup, "
    "label_smoothing, loss, teacher, clip_norm, ema_decay, precision, augment, initial_weights, "
    "frozen_batch_norm"
)
CASES = {
    # old text, new text, line and message
    "misspelled choice": (
        "type: mbconv",
        "type: mbcnv",
        "6: space.stages.1.block.type: unknown value 'mbcnv'. Did you mean 'mbconv'? "
        "Choices: conv, dwconv, residual, fused, mbconv, or package.module:Name of your own code.",
    ),
    "misspelled choice in a list": (
        "dwconv]",
        "dwcnv]",
        "9: space.exits.branch.module.type.1: unknown value 'dwcnv'. Did you mean 'dwconv'? "
        "Choices: conv, dwconv, residual, fused, mbconv, pool, or package.module:Name of your own code.",
    ),
    "number that is no choice": (
        "kernel: 3",
        "kernel: 6",
        "6: space.stages.1.block.kernel: unknown value 6. The nearest is 5. Choices: 1, 3, 5, 7.",
    ),
    "unknown data set": (
        "digits",
        "qq",
        f"2: data.name: unknown value 'qq'. Choices: {DATASETS}.",
    ),
    "unknown field": (
        "epochs: 8",
        "epohcs: 8",
        f"13: training: unknown field 'epohcs'. Did you mean 'epochs'? Fields: {TRAINING}.",
    ),
    "field of another section": (
        "epochs: 8",
        "population: 8",
        f"13: training: unknown field 'population'. It belongs to search.population. Fields: {TRAINING}.",
    ),
    "field of another section, with a value that it cannot have there": (
        "epochs: 8",
        "mode: boosted",
        f"13: training: unknown field 'mode'. Fields: {TRAINING}.",
    ),
    "unknown constraint": (
        "{accuracy:",
        "{acuracy:",
        "11: constraints: unknown entry 'acuracy'. Did you mean 'accuracy'? "
        "Entries: accuracy, error, macs, worst_macs, params, peak_activation_bytes, latency_ms, "
        "worst_latency_ms, energy_mj, worst_energy_mj, balanced_accuracy, macro_f1.",
    ),
    "missing field of a stage": (
        "{width: 8}",
        "{depth: 1}",
        "5: space.stages.0: field 'width' is missing: Output channels of every block of the stage.",
    ),
    "missing section": ("data: {name: digits}\n", "", "1: field 'data' is missing: Images and splits."),
    "too small": ("epochs: 8", "epochs: 0", "13: training.epochs: must be >= 1, but got 0"),
    "too large": ("epochs: 8", "epochs: 2000000", "13: training.epochs: must be <= 1000000, but got 2000000"),
    "not above": ("0.1", "0", "14: training.learning_rate: must be > 0, but got 0"),
    "text for a number": (
        "epochs: 8",
        'epochs: "8"',
        "13: training.epochs: must be a whole number, but got '8'",
    ),
    "fraction": ("epochs: 8", "epochs: 8.5", "13: training.epochs: must be a whole number, but got 8.5"),
    "boolean for a number": (
        "epochs: 8",
        "epochs: true",
        "13: training.epochs: must be a whole number, but got true",
    ),
    "boolean for a whole choice": (
        "kernel: 3",
        "kernel: true",
        "6: space.stages.1.block.kernel: must be a whole number, but got true",
    ),
    "fraction for a whole choice": (
        "kernel: 3",
        "kernel: 3.0",
        "6: space.stages.1.block.kernel: must be a whole number, but got 3.0",
    ),
    "number for a boolean": (
        "se: false",
        "se: 1",
        "6: space.stages.1.block.se: must be true or false, but got 1",
    ),
    "YAML 1.1 boolean": (
        "se: false",
        "se: off",
        "6: space.stages.1.block.se: must be true or false, but got 'off'",
    ),
    "YAML 1.1 octal": (
        "epochs: 8",
        "epochs: 010",
        "13: training.epochs: must be a whole number, but got '010'",
    ),
    "null for a value with a default": (
        "epochs: 8",
        "epochs:",
        "13: training.epochs: must be a whole number, but got nothing (null); "
        "delete the line to take the default",
    ),
    "null for a required value": (
        "{width: 8}",
        "{width: null}",
        "5: space.stages.0.width: must be a value or a list of choices, but got nothing (null)",
    ),
    "value for a section": (
        "{accuracy: {min: 0.5}}",
        "0.5",
        "11: constraints: must be a section (key: value), but got 0.5",
    ),
    "value for a list": ("[stage1]", "stage1", "8: space.exits.after: must be a list, but got 'stage1'"),
    "empty list of choices": (
        "{width: 8}",
        "{width: []}",
        "5: space.stages.0.width: needs at least 1 value, but got []",
    ),
    "choice listed twice": (
        "{width: 8}",
        "{width: [8, 12, 8]}",
        "5: space.stages.0.width: the choice 8 is listed twice",
    ),
    "word of a number or a word": (
        "count: auto",
        "count: atuo",
        "16: workers.count: must be a whole number or 'auto', but got 'atuo'. Did you mean 'auto'?",
    ),
    "number of a number or a word": ("count: auto", "count: 0", "16: workers.count: must be >= 1, but got 0"),
    "name with a space": (
        "name: tiny",
        "name: my run",
        "1: name: must be a letter, then letters, digits or _, but got 'my run'",
    ),
    "infinite": (
        "0.1",
        ".inf",
        "14: training.learning_rate: must be a finite number of sane size, but got .inf",
    ),
    "not a number": (
        "0.1",
        ".nan",
        "14: training.learning_rate: must be a finite number of sane size, but got .nan",
    ),
    "overflow": (
        "0.1",
        "1e999",
        "14: training.learning_rate: must be a finite number of sane size, but got 1e999",
    ),
    "huge integer": (
        "epochs: 8",
        "epochs: 9223372036854775808",
        "13: training.epochs: must be a finite number of sane size, but got 9223372036854775808",
    ),
    "duplicate key": (
        "learning_rate: 0.1",
        "epochs: 9",
        "14: training: key 'epochs' is given twice, first in line 13",
    ),
    "unknown stage": (
        "[stage1]",
        "[stage11]",
        "8: space.exits.after.0: unknown stage 'stage11'. Did you mean 'stage1'? Choices: stage1.",
    ),
    "exit at the end": (
        "[stage1]",
        "[stage2]",
        "8: space.exits.after.0: 'stage2' is the last stage, whose exit is the final classifier; remove it",
    ),
    "exit listed twice": ("[stage1]", "[stage1, stage1]", "8: space.exits.after.1: 'stage1' is listed twice"),
    "two stages of one name": (
        "{width: 8}",
        "{width: 8, name: stage2}",
        "6: space.stages.1: another stage is named 'stage2' already",
    ),
    "two sources of data": (
        "{name: digits}",
        "{name: digits, npz: x.npz}",
        "2: data: exactly one of name, folder, npz must be given, but got name, npz",
    ),
    "size of images of a known data set": (
        "{name: digits}",
        "{name: digits, image_size: 8}",
        "2: data.image_size: goes with data.folder, but data.name is given; remove it",
    ),
    "shares that do not sum to one": (
        "{name: digits}",
        "{name: digits, split: {train: 0.5}}",
        "2: data.split: train + calibrate + select must be 1, but they sum to 0.7",
    ),
    "objective listed twice": (
        "[error, macs]",
        "[error, error]",
        "10: objectives.1: 'error' is listed twice",
    ),
    "nothing asks for accuracy": (
        "[error, macs]\nconstraints: {accuracy: {min: 0.5}}",
        "[params, macs]\n",
        "10: objectives: nothing asks for accuracy, so the smallest network wins; "
        "add error, or constrain accuracy: {min: ...}",
    ),
    "share above one": (
        "min: 0.5",
        "min: 90",
        "11: constraints.accuracy.min: is a share: must be >= 0 and <= 1, but got 90",
    ),
    "negative size": (
        "{accuracy: {min: 0.5}}",
        "{macs: {max: -3}}",
        "11: constraints.macs.max: must be > 0, but got -3",
    ),
    "limits that exclude each other": (
        "{accuracy: {min: 0.5}}",
        "{accuracy: {min: 0.5}, error: {min: 0.6}}",
        "11: constraints.accuracy.min: accuracy is 1 - error, so must be <= 0.4, but got 0.5",
    ),
    "empty limit": (
        "{min: 0.5}",
        "{}",
        "11: constraints.accuracy: a constraint needs min or max, as in {max: 3e6}",
    ),
    "limits the wrong way round": (
        "{min: 0.5}",
        "{min: 0.5, max: 0.4}",
        "11: constraints.accuracy: min <= max must hold, but got (min=0.5, max=0.4)",
    ),
    "population of one": ("population: 8", "population: 1", "15: search.population: must be >= 2, but got 1"),
    "falling budget fractions": (
        "[0.5, 1.0]",
        "[1.0, 0.5]",
        "15: search.budget_fractions: must rise, but got [1.0, 0.5]",
    ),
    "a renamed field": (
        "budget_fractions",
        "trade_offs",
        "15: search.trade_offs: is called budget_fractions now, as in search: {budget_fractions: [0.5, 1.0]}",
    ),
    "a renamed field in another section": (
        "after: [stage1]",
        "after: [stage1]\n    trade_offs: [0.5, 1.0]",
        "9: space.exits.trade_offs: belongs to search, and is called budget_fractions now, as in search: "
        "{budget_fractions: [0.5, 1.0]}",
    ),
    "an old way of evaluating in another section": (
        "epochs: 8",
        "epochs: 6\n  min_epochs: 2",
        "14: training.min_epochs: belongs to evaluation, and is said by evaluation.fidelities now; the same "
        "is fidelities: [trained]",
    ),
    "weights at their old place": (
        "epochs: 8",
        "loss: weighted\n  exit_weights: [1, 1]",
        "14: training.exit_weights: is an option of its loss now, as in loss: {name: weighted, exit_weights: "
        "[1, 1]}",
    ),
    "too few weights": (
        "epochs: 8",
        "loss: {name: weighted, exit_weights: [1]}",
        "13: training.loss.exit_weights: needs 2 values (one per exit and the final classifier), but got 1",
    ),
    "weights with another loss": (
        "epochs: 8",
        "loss: {name: uniform, exit_weights: [1, 1]}",
        "13: training.loss.exit_weights: belongs to weighted, but the name is uniform; remove it",
    ),
    "distillation without its loss": (
        "epochs: 8",
        "loss: {name: boosted, distillation: 0.5}",
        "13: training.loss.distillation: belongs to self_distillation, but the name is boosted; remove it",
    ),
    "an option at its old place": (
        "epochs: 8",
        "temperature: 4",
        "13: training.temperature: is an option of its loss now, as in loss: {name: NAME, temperature: 4}",
    ),
    "phases of a loss that has one": (
        "epochs: 8",
        "loss: {first_phase: 0.25}",
        "13: training.loss.first_phase: belongs to frozen, jei or mixed, but the name is "
        "gradient_equilibrium; remove it",
    ),
    "price without gates": (
        "epochs: 8",
        "loss: {name: frozen, exit_price: 1}",
        "13: training.loss.exit_price: belongs to jei, but the name is frozen; remove it",
    ),
    "one epoch for two phases": (
        "epochs: 8",
        "loss: jei\n  epochs: 1",
        "14: training.epochs: must be >= 2, one for each phase of loss: jei, but got 1",
    ),
    "misspelled loss": (
        "epochs: 8",
        "loss: bosted",
        "13: training.loss: unknown value 'bosted'. Did you mean 'boosted'? Choices: gradient_equilibrium, "
        "uniform, weighted, self_distillation, boosted, frozen, jei, mixed, "
        "or package.module:Name of your own code.",
    ),
    "text among weights": (
        "epochs: 8",
        "loss: {name: weighted, exit_weights: [1, x]}",
        "13: training.loss.exit_weights.1: must be a number, but got 'x'",
    ),
}


def refusal(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text if isinstance(text, bytes) else text.encode(), "a.yaml")
    return str(caught.value).split("\n")


def test_the_file_behind_the_cases_is_right() -> None:
    assert parse(VALID.encode(), "a.yaml").training.epochs == 8


@pytest.mark.parametrize(("old", "new", "message"), CASES.values(), ids=CASES)
def test_a_mistake_is_answered_by_one_line(old: str, new: str, message: str) -> None:
    assert VALID.count(old) >= 1
    assert refusal(VALID.replace(old, new, 1)) == [f"a.yaml:{message}"]


def test_a_start_that_no_constraint_allows_names_the_law() -> None:
    text = VALID.replace("accuracy: {min: 0.5}", "macs: {min: 1e6}").replace(
        "population: 8", "initial_max_macs: 10"
    )
    assert refusal(text) == [
        "a.yaml:15: search.initial_max_macs: must be >= constraints.macs.min (1e+06), but got 10"
    ]


def test_all_mistakes_are_told_in_the_order_of_lines() -> None:
    text = VALID.replace("epochs: 8", "epochs: x").replace("digits", "digts").replace("mbconv", "mbcnv")
    assert [line.split(":")[1] for line in refusal(text)] == ["2", "6", "13"]


def test_an_unreadable_number_does_not_hide_another_mistake() -> None:
    text = VALID.replace("epochs: 8", "epochs: .inf").replace("digits", "digts")
    assert [line.split(":")[1] for line in refusal(text)] == ["2", "13"]


def test_a_mistake_behind_an_alias_is_told_where_the_key_stands() -> None:
    text = VALID.replace("{width: 8}", "&stage {width: 0}").replace("{width: 16", "*stage #")
    assert [line.split(":")[1] for line in refusal(text)] == ["5", "5"]


def test_a_long_value_is_cut() -> None:
    assert max(map(len, refusal(VALID.replace("epochs: 8", f"epochs: {'x' * 5000}")))) < 150
