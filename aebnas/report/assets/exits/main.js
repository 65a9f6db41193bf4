// Draw everything.

policies();
confidences();
document.documentElement.dataset.ready = "true";
