/* Any file may be offered to the recording: what it is, the program finds out by reading it.
   Gradio asks the browser instead, which calls mp4 and webm "video" and knows nothing of others, and shows its
   refusal for a moment only. So files are handed on as audio, and one that is too large is refused here, in words. */
() => {
  const inside = (node) => node instanceof Element && node.closest("#lass-recording, .lass-recording");

  const tooLarge = (files) => {
    const notice = document.getElementById("lass-too-large");
    if (!notice) return false;
    const refused = files.some((file) => file.size > Number(notice.dataset.bytes));
    notice.hidden = !refused;
    notice.textContent = refused ? notice.dataset.sentence : "";
    return refused;
  };

  const asAudio = (files) => {
    const transfer = new DataTransfer();
    for (const file of files) {
      const known = file.type.startsWith("audio/");
      transfer.items.add(known ? file : new File([file], file.name, { type: "audio/wav" }));
    }
    return transfer.files;
  };

  document.addEventListener("click", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === "file" && inside(event.target))
      event.target.accept = "audio/*,video/mp4,video/webm,.opus,.aif,.aiff,.flac,.m4a";
  }, true);

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.type !== "file" || !inside(input)) return;
    const files = [...input.files];
    if (tooLarge(files)) {
      event.stopImmediatePropagation();
      input.value = "";
    } else {
      input.files = asAudio(files);
    }
  }, true);

  document.addEventListener("drop", (event) => {
    const recording = inside(event.target);
    const input = recording && recording.querySelector("input[type=file]");
    if (!input || !event.dataTransfer || event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    input.files = asAudio([...event.dataTransfer.files].slice(0, 1));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, true);
}
