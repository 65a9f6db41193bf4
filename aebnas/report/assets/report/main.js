// Draw everything, then open the most accurate point of the front.

frontSection();
panel();
details();
table();
progress();
genes();
latency();
surrogates();

const FIRST = POINTS.filter((point) => point.isFront).concat(POINTS).slice(0, Math.max(1, POINTS.filter((point) => point.isFront).length));
if (POINTS.length) open(FIRST.reduce((best, point) => (point.value("accuracy") > best.value("accuracy") ? point : best)), false);
document.documentElement.dataset.ready = "true";
