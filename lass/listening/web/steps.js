// The steps around the trials: welcome, consent, volume, headphones, questions at the end, thanks.
// Each resolves when the participant goes on.

import { h, icon, paragraphs, say, show, t } from "./dom.js";
import { PASS, ROUNDS, newRound, playRound } from "./headphones.js";
import { Player } from "./player.js";

const HEARD_ENOUGH = 1; // seconds of the sample before somebody can say that it is comfortable

function button(label, onclick, kind = "primary") {
  return h("button", { type: "button", class: kind, onclick }, label);
}

function actions(...buttons) { return h("div", { class: "actions" }, ...buttons); }

// What stands in the way of everything else: a sentence or two, and a way on where there is one.
export function notice([title, text], retry = null) {
  show(h("div", { class: "card notice" }, h("h1", {}, title), text && h("p", {}, text), retry && actions(button(t("try_again"), retry))));
}

export function welcome({ study, languages, language, notice: remark }, choose) {
  const samples = t("welcome_samples", { count: study.trials });
  const practice = study.practice ? [h("li", {}, t("welcome_practice", { count: study.practice }))] : [];
  const others = languages.filter(([code]) => code !== language);
  return new Promise((resolve) => {
    show(
      remark && h("p", { class: "remark" }, remark[0]),
      h("div", { class: "card" },
        h("h1", {}, study.title),
        ...paragraphs(study.welcome),
        h("ul", { class: "facts" },
          h("li", {}, samples),
          ...practice,
          h("li", {}, t("welcome_minutes", { count: study.minutes })),
          h("li", {}, t("welcome_task")),
          h("li", {}, t("welcome_honest"))),
        actions(button(t("start"), () => resolve()))),
      others.length > 0 && h("nav", { class: "languages", "aria-label": t("language") },
        ...others.map(([code, name]) => h("button", { type: "button", class: "quiet", lang: code, onclick: () => choose(code) }, name))),
    );
  });
}

export function consent({ study }) {
  return new Promise((resolve) => {
    const box = h("input", { type: "checkbox", id: "agree" });
    const missing = h("p", { class: "hint bad", id: "agree-missing", hidden: true }, t("consent_missing"));
    const submit = (event) => {
      event.preventDefault();
      if (box.checked) return resolve();
      missing.hidden = false;
      box.setAttribute("aria-describedby", "agree-missing");
      say(t("consent_missing"), "voice");
      box.focus();
    };
    box.addEventListener("change", () => {
      missing.hidden = true;
      say();
    });
    show(h("form", { class: "card", novalidate: true, onsubmit: submit },
      h("h1", {}, t("consent_title")),
      ...paragraphs(study.consent),
      h("label", { class: "tick" }, box, h("span", {}, t("consent_agree"))),
      missing,
      actions(h("button", { class: "primary" }, t("continue")))));
  });
}

// Plays one loudness-matched sample round and round until the level is comfortable.
export function volume(sample) {
  return new Promise((resolve) => {
    let player = null;
    let heard = 0;
    const label = h("span", {}, t("volume_play"));
    const play = h("button", { type: "button", class: "primary sample" }, icon("play"), label);
    const done = button(t("volume_done"), finish, "primary");
    const hint = h("p", { class: "hint", id: "volume-hint" }, t("volume_first"));
    done.setAttribute("aria-describedby", "volume-hint");
    done.setAttribute("aria-disabled", "true");

    function finish() {
      if (heard < HEARD_ENOUGH) return say(t("volume_first"), "voice");
      leave();
      resolve();
    }

    function leave() {
      clearInterval(ticking);
      player?.close();
    }

    function tick() {
      if (player) {
        player.note();
        heard = player.secondsHeard("sample");
      }
      if (heard < HEARD_ENOUGH) return;
      done.removeAttribute("aria-disabled");
      hint.textContent = t("volume_keep");
    }

    async function toggle() {
      if (player === null) {
        play.disabled = true;
        label.textContent = t("loading");
        try {
          const decoded = await sample();
          if (gone.aborted) return;
          player = new Player({ sample: decoded }, {}, changed);
          player.loop = true;
        } catch (error) {
          if (gone.aborted) return;
          say(error.message, "bad");
        }
        play.disabled = false;
        label.textContent = t("volume_play");
        play.focus();
        if (player === null) return;
      }
      say();
      await player.toggle();
    }

    function changed() {
      tick();
      play.classList.toggle("playing", player.playing);
      play.replaceChildren(icon(player.playing ? "pause" : "play"), label);
      label.textContent = t(player.playing ? "volume_stop" : "volume_play");
    }

    play.addEventListener("click", toggle);
    const ticking = setInterval(tick, 200);
    const gone = show(h("div", { class: "card" },
      h("h1", {}, t("volume_title")),
      h("p", {}, t("volume_text")),
      h("p", {}, play),
      hint,
      h("details", {}, h("summary", {}, t("volume_silent")),
        h("ul", {}, ...["volume_silent_level", "volume_silent_switch", "volume_silent_bluetooth"].map((key) => h("li", {}, t(key))))),
      actions(done)));
    gone.addEventListener("abort", leave);
  });
}

// Resolves with "passed", "failed" or "skipped": whatever comes out, the study goes on, and says so.
export async function headphones() {
  for (;;) {
    const right = await headphoneRounds();
    if (right === null) return "skipped";
    const passed = right >= PASS;
    const again = await new Promise((resolve) => {
      show(h("div", { class: "card" },
        h("h1", {}, t(passed ? "headphones_passed" : "headphones_failed")),
        h("p", {}, t(passed ? "headphones_passed_text" : "headphones_failed_text")),
        actions(
          !passed && button(t("headphones_again"), () => resolve(true), "secondary"),
          button(t(passed ? "continue" : "headphones_anyway"), () => resolve(false)))));
    });
    if (!again) return passed ? "passed" : "failed";
  }
}

// The number of right answers, or null when somebody skips the check.
function headphoneRounds() {
  return new Promise((resolve) => {
    let right = 0;
    let round = 0;
    let order = newRound();
    let heard = false;
    let aborter = null;
    const progress = h("p", { class: "hint" });
    const play = h("button", { type: "button", class: "primary sample" });
    const choices = [1, 2, 3].map((number) => h("button", { type: "button", class: "secondary tone", disabled: true, onclick: () => answer(number - 1) }, t(`headphones_tone_${number}`)));

    const mark = (index) => choices.forEach((choice, at) => choice.classList.toggle("sounding", at === index));

    function prepare() {
      heard = false;
      aborter?.abort();
      aborter = null;
      play.disabled = false;
      play.replaceChildren(icon("play"), h("span", {}, t("headphones_play")));
      choices.forEach((choice) => { choice.disabled = true; });
      mark(-1);
      progress.textContent = t("headphones_round", { at: round + 1, count: ROUNDS });
      play.focus();
    }

    async function listen() {
      if (play.disabled) return;
      play.disabled = true;
      aborter = new AbortController();
      const whole = await playRound(order, mark, aborter.signal);
      if (!whole) return;
      mark(-1);
      heard = true;
      choices.forEach((choice) => { choice.disabled = false; });
      play.disabled = false;
      play.replaceChildren(icon("play"), h("span", {}, t("headphones_replay")));
      choices[0].focus();
      say(t("headphones_choose"), "voice");
    }

    function answer(index) {
      if (!heard) return;
      say();
      right += order[index] === "soft" ? 1 : 0;
      round += 1;
      if (round === ROUNDS) return resolve(right);
      order = newRound();
      prepare();
    }

    function key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (["1", "2", "3"].includes(event.key)) answer(Number(event.key) - 1);
    }

    play.addEventListener("click", listen);
    const gone = show(h("div", { class: "card" },
      h("h1", {}, t("headphones_title")),
      h("p", {}, t("headphones_text")),
      progress,
      h("p", {}, play),
      h("div", { class: "tones", role: "group", "aria-label": t("headphones_choose") }, ...choices),
      actions(button(t("headphones_skip"), () => { say(); aborter?.abort(); resolve(null); }, "quiet"))));
    document.addEventListener("keydown", key);
    gone.addEventListener("abort", () => {
      aborter?.abort();
      document.removeEventListener("keydown", key);
    });
    prepare();
    document.querySelector("h1").focus();
  });
}

// Resolves with {key: answer}, or with null to go back to the trials.
export function questionnaire({ study }, earlier, canGoBack) {
  return new Promise((resolve) => {
    const fields = study.questionnaire.map((field) => questionField(field, earlier[field.key] ?? ""));
    const submit = (event) => {
      event.preventDefault();
      const wrong = fields.filter((field) => !field.check());
      if (wrong.length > 0) {
        say(t("questionnaire_missing", { count: wrong.length }), "voice");
        return wrong[0].focus();
      }
      say();
      resolve(Object.fromEntries(fields.map((field) => [field.key, field.value()]).filter(([, value]) => value !== "")));
    };
    show(h("form", { class: "card questionnaire", novalidate: true, onsubmit: submit },
      h("h1", {}, t("questionnaire_title")),
      h("p", {}, t("questionnaire_text")),
      ...fields.map((field) => field.element),
      actions(
        canGoBack && button(t("back"), () => resolve(null), "secondary"),
        h("button", { class: "primary" }, t("send")))));
  });
}

function questionField({ key, label, kind, choices, required }, earlier) {
  const id = `field-${key}`;
  const optional = required ? null : h("span", { class: "optional" }, ` (${t("optional")})`);
  const missing = h("p", { class: "hint bad", id: `${id}-missing`, hidden: true }, t(kind === "number" ? "field_number" : "field_missing"));
  let element, value, focus;
  if (kind === "choice") {
    const inputs = choices.map(({ value: name }) => h("input", { type: "radio", name: key, value: name, checked: name === earlier }));
    element = h("fieldset", { class: "field" }, h("legend", {}, label, optional),
      ...choices.map((choice, at) => h("label", { class: "tick" }, inputs[at], h("span", {}, choice.label))), missing);
    value = () => inputs.find((input) => input.checked)?.value ?? "";
    focus = () => inputs[0].focus();
  } else {
    const input = kind === "number"
      ? h("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", maxlength: 20, value: earlier })
      : h("textarea", { id, rows: 3, maxlength: 2000 }, earlier);
    input.setAttribute("aria-describedby", `${id}-missing`);
    if (required) input.setAttribute("aria-required", "true");
    element = h("div", { class: "field" }, h("label", { for: id }, label, optional), input, missing);
    value = () => (kind === "number" ? input.value.trim().replace(",", ".") : input.value.trim());
    focus = () => input.focus();
  }
  const check = () => {
    const answer = value();
    const fine = answer === "" ? !required : kind !== "number" || Number.isFinite(Number(answer));
    missing.hidden = fine;
    return fine;
  };
  return { key, element, value, focus, check };
}

export function thanks({ session }, again) {
  const { code, return_url: address, reference } = session;
  const copied = async () => {
    try {
      await navigator.clipboard.writeText(code);
      say(t("copied"));
    } catch {
      getSelection().selectAllChildren(document.getElementById("code"));
    }
  };
  show(h("div", { class: "card thanks" },
    h("div", { class: "done" }, icon("check")),
    h("h1", {}, t("thanks_title")),
    h("p", {}, t("thanks_text")),
    code && h("p", {}, t("thanks_code")),
    code && h("p", { class: "code" }, h("code", { id: "code" }, code), button(t("copy"), copied, "secondary")),
    address && !again && h("p", {}, h("a", { class: "primary link", href: address, rel: "noreferrer" }, t("thanks_return"))),
    again && actions(button(t("kiosk_next"), again)),
    !again && h("p", {}, t("thanks_close")),
    reference && h("details", {}, h("summary", {}, t("thanks_data")), h("p", {}, t("thanks_data_text")), h("p", {}, h("code", { class: "reference" }, reference)))));
}
