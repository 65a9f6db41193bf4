// What is selected: a point of a candidate's curve as A, and another as B to compare.

const STATE = { picks: [null, null], next: 0 };
const WATCHERS = [];
const LETTERS = ["A", "B"];

// `change` is "pick" where a candidate was chosen, "move" where only the point on its curve moved.
function watch(react) {
  WATCHERS.push(react);
}

function tell(change) {
  for (const react of WATCHERS) react(change);
}

function pick(slot, candidate, index) {
  STATE.picks[slot] = { candidate, index };
  STATE.next = 0;
  tell("pick");
}

function move(slot, index) {
  STATE.picks[slot].index = index;
  tell("move");
}

function drop(slot) {
  STATE.picks[slot] = null;
  if (!STATE.picks[0]) STATE.picks = [STATE.picks[1], null];
  STATE.next = 0;
  tell("pick");
}

// The next point that is opened becomes B.
function awaitComparison(isAwaited) {
  STATE.next = isAwaited ? 1 : 0;
  tell("await");
}

function open(point, asComparison) {
  pick(asComparison && STATE.picks[0] ? 1 : STATE.next, point.candidate, point.index);
}

function letterOf(point) {
  const slot = STATE.picks.findIndex((one) => one && one.candidate === point.candidate && one.index === point.index);
  return slot < 0 ? "" : LETTERS[slot];
}
