// A phone that many hands use locks by itself, and shows nothing of who was there before.
export function lockWhenResting(form = document.querySelector("form[data-lock]")) {
  if (!form) return;
  const rest = Number(form.dataset.lock) * 1000;
  let touched = Date.now();
  let told = touched; // when the server last heard of us

  const lock = () => {
    document.body.hidden = true;
    form.submit();
  };
  const touch = () => {
    touched = Date.now();
    if (touched - told < rest / 2) return;
    told = touched; // somebody types for long: what they type must not be refused
    fetch("/menu", { method: "HEAD" }).catch(() => {});
  };
  for (const kind of ["pointerdown", "keydown", "input"]) addEventListener(kind, touch, { passive: true });
  setInterval(() => {
    if (Date.now() - touched >= rest) lock();
  }, 1000);
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // from the browser's memory: it may be somebody else's
  });
}
