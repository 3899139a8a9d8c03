/* While somebody waits: how many come first, and for about how long. The sentence changes only where it says
   something new, because it is read out. */
() => {
  const EVERY = 2000;
  const ask = async () => {
    const status = document.querySelector("[data-waiting]");
    if (!status) return;
    const root = window.gradio_config?.root ?? "";
    const answer = await fetch(`${root}${status.dataset.waiting}`, { cache: "no-store" }).catch(() => null);
    if (!answer?.ok || !status.isConnected) return;
    const sentence = await answer.text();
    const words = status.querySelector("span");
    if (words && words.textContent !== sentence) words.textContent = sentence;
  };
  clearInterval(window.lassWaiting);
  window.lassWaiting = setInterval(ask, EVERY);
}
