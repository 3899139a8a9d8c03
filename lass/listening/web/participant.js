// The participant's page: what comes next is the server's word; this file shows it and carries answers back.

import { say, speak, t } from "./dom.js";
import { fullScreenButton, watch } from "./kiosk.js";
import { audioContext, decode } from "./player.js";
import { Refused, bytes, kiosk, memory, newKey, passing, remember, send, state } from "./server.js";
import * as steps from "./steps.js";
import { Trial } from "./trial.js";

const body = document.body.dataset;
const progress = document.getElementById("progress");
const RETRY = 5000; // milliseconds until the page asks again for a server that is down
const FRESH = 1500; // milliseconds within which the state need not be read again

let view = null; // what the server said last
let trial = null; // the trial on the page
let language = new URLSearchParams(location.search).get("lang");
let sending = false;
let shown = 0; // counts what was shown, so that an answer that comes late changes nothing
let read = 0;
let person = 0; // counts who was here, one after the other: what arrives late is not the next person's
const opened = new Set(); // trials whose clock runs on the server
const sounds = new Map(); // audio id -> promise of its decoded sound

speak({ server_down: body.down, try_again: body.again, loading: body.loading });

// ---- what the server says ----

async function start() {
  const mine = (shown += 1);
  try {
    const fresh = await state(language);
    if (mine !== shown) return;
    read = Date.now();
    view = fresh;
    speak(view.words);
    await settlePending();
    go();
  } catch (error) {
    if (mine !== shown) return;
    if (!passing(error)) return steps.notice([error.message, ""]);
    steps.notice([t("server_down"), ""], start);
    setTimeout(() => mine === shown && start(), RETRY);
  }
}

// An answer that was on its way when the page was reloaded: the server knows it by its key if it has it.
async function settlePending() {
  const message = memory.get("pending");
  if (!message || !view.session) return memory.set("pending", null);
  try {
    take(await send("rate", message, () => say(t("not_saved"), "bad")));
  } catch (error) {
    console.warn(error);
  }
  memory.set("pending", null);
}

function take(answer) { view = { ...view, ...answer }; }

// Sends a step's result and goes on to what the server answers.
async function post(name, message, key = null) {
  const whose = person;
  sending = true;
  try {
    const failing = (error) => whose === person && say(error.status === 429 ? error.message : t("offline"), "wait");
    const answer = await send(name, message, failing);
    if (whose !== person) return false;
    say();
    if (key) remember(answer.token);
    take(answer);
    if (answer.words) speak(answer.words);
    return true;
  } catch (error) {
    if (whose !== person) return false;
    await start();
    say(error.message, "bad");
    return false;
  } finally {
    if (whose === person) sending = false;
  }
}

// Another tab, or a pause of days: what the server has now is what is shown.
async function refresh() {
  if (kiosk || sending || !view || document.hidden || Date.now() - read < FRESH) return;
  read = Date.now();
  let fresh;
  try {
    fresh = await state(language);
  } catch {
    return;
  }
  if (sending) return;
  const before = JSON.stringify([view.step, view.session?.answers, view.trials]);
  if (before === JSON.stringify([fresh.step, fresh.session?.answers, fresh.trials])) return;
  if (redealt(fresh)) return showAnew(fresh);
  const elsewhere = trial && JSON.stringify(fresh.session?.answers[trial.trial.position]) !== JSON.stringify(trial.saved ?? undefined);
  const moved = fresh.step !== view.step;
  view = fresh;
  speak(view.words);
  if (!moved && trial && !elsewhere) return showProgress();
  go();
  if (trial) say(t("elsewhere"));
}

const redealt = (fresh) => view.trials && JSON.stringify(view.trials) !== JSON.stringify(fresh.trials);

function showAnew(fresh) {
  view = fresh;
  speak(view.words);
  go();
}

// The server does not know a sound that is on the page: the study was built anew, or this session lay idle so long
// before its first sound that it has other trials now.
async function catchUp() {
  const whose = person;
  const fresh = await state(language).catch(() => null);
  if (fresh && whose === person && redealt(fresh)) showAnew(fresh);
}

// ---- what is shown ----

async function go() {
  const mine = (shown += 1);
  const here = () => mine === shown;
  leaveTrial();
  document.documentElement.lang = view.language;
  body.step = view.step;
  showProgress();
  const { step, session, study } = view;
  if (step === "closed") return steps.notice(view.notice);
  if (step === "welcome") return begin(here);
  if (step === "thanks") return steps.thanks(view, kiosk ? home : null);
  if (step === "consent") {
    await steps.consent(view);
    return here() && (await post("consent", { agreed: true })) && go();
  }
  if (step === "volume" && !memory.get("volume")) {
    await steps.volume(() => sound(view.trials[0].mixture.id));
    if (!here()) return;
    say();
    memory.set("volume", true);
  }
  if (step === "volume" && study.headphone_check && session.headphones === null) {
    const result = await steps.headphones();
    return here() && (await post("headphones", { result })) && go();
  }
  if (step === "questionnaire") return finish(here);
  return openTrial(session.next);
}

async function begin(here) {
  await steps.welcome(view, (code) => {
    language = code;
    start();
  });
  if (!here()) return;
  memory.clear();
  const message = { language: view.language, kiosk, key: newKey(), touch: navigator.maxTouchPoints > 1 };
  if (await post("begin", message, true)) go();
}

async function finish(here) {
  if (view.study.questionnaire.length > 0) {
    const answers = await steps.questionnaire(view, view.session.questionnaire, view.trials.length > 0);
    if (!here()) return;
    if (answers === null) return openTrial(view.trials.length - 1);
    if (!(await post("answers", { answers }))) return;
  }
  if (await post("finish", {})) go();
}

function showProgress() {
  const { trials = [], session } = view;
  const answered = session ? Object.keys(session.answers).length : 0;
  const wanted = ["trial", "practice"].includes(view.step) || (view.step === "volume" && trial !== null) || view.step === "questionnaire";
  progress.hidden = !wanted;
  if (!wanted) return;
  progress.setAttribute("aria-label", t("progress"));
  progress.setAttribute("aria-valuemax", trials.length);
  progress.setAttribute("aria-valuenow", answered);
  progress.setAttribute("aria-valuetext", t("progress_text", { at: answered, of: trials.length }));
  progress.style.setProperty("--part", trials.length ? answered / trials.length : 0);
}

// ---- trials ----

function leaveTrial() {
  trial?.close();
  trial = null;
}

function sound(id) {
  if (!sounds.has(id)) {
    const promise = bytes(id).then(decode);
    promise.catch((error) => {
      sounds.delete(id);
      if (error.status === 404) catchUp();
    });
    sounds.set(id, promise);
  }
  return sounds.get(id);
}

const ids = (position) => (view.trials[position] ? [view.trials[position].mixture.id, view.trials[position].sound.id] : []);

// The sounds of a trial; when they are here, those of the next one are fetched.
async function soundsOf(position) {
  const [mixture, separated] = await Promise.all(ids(position).map(sound));
  const keep = new Set([position - 1, position, position + 1].flatMap(ids));
  for (const id of sounds.keys()) if (!keep.has(id)) sounds.delete(id);
  ids(position + 1).forEach((id) => sound(id).catch(() => {}));
  return { mixture, sound: separated };
}

function title(position) {
  const { practice, trials } = view.study;
  return position < practice
    ? t("practice_title", { at: position + 1, of: practice })
    : t("trial_title", { at: position + 1 - practice, of: trials });
}

async function openTrial(position) {
  const mine = (shown += 1);
  const next = view.trials[position];
  const { answers } = view.session;
  // The server's clock starts before the first sound, or it would not believe what was heard.
  if (!(position in answers) && !opened.has(position)) {
    if (!(await post("opened", { trial: position }))) return;
    if (mine !== shown) return;
    opened.add(position);
  }
  leaveTrial();
  const heardBefore = view.trials.some((other, at) => at !== position && at in answers && other.mixture.id === next.mixture.id);
  trial = new Trial({
    trial: next,
    study: view.study,
    saved: answers[position] ?? null,
    heardBefore,
    first: position === 0,
    last: position === view.trials.length - 1 && view.study.questionnaire.length === 0,
    title: title(position),
    sounds: () => soundsOf(position),
    submit: (answered) => submit(answered, position),
    back: () => {
      say();
      openTrial(position - 1);
    },
  });
  showProgress();
}

async function submit(answered, position) {
  if (!answered.changed) return forward(position);
  const whose = person;
  const message = { trial: position, scores: answered.scores, key: newKey(), ...answered.facts };
  memory.set("pending", message);
  sending = true;
  answered.setBusy(true);
  say(t("saving"), "wait");
  try {
    const answer = await send("rate", message, () => whose === person && say(t("not_saved"), "bad"));
    if (whose !== person) return;
    take(answer);
    memory.set("pending", null);
    sending = false;
    say(t("saved"));
    opened.add(view.session.next);
    forward(position);
  } catch (error) {
    if (whose !== person) return;
    memory.set("pending", null);
    sending = false;
    answered.setBusy(false);
    // 422: something is missing here; any other refusal says that this page is behind.
    if (!(error instanceof Refused) || error.status !== 422) await start();
    say(error.message, "bad");
  }
}

function forward(position) {
  if (position + 1 < view.trials.length) openTrial(position + 1);
  else go();
}

// ---- the page ----

// A kiosk forgets the person who was here.
function home() {
  person += 1;
  leaveTrial();
  remember(null);
  memory.clear();
  opened.clear();
  sending = false;
  language = new URLSearchParams(location.search).get("lang");
  say();
  start();
}

window.addEventListener("beforeunload", (event) => {
  if (memory.get("pending")) event.preventDefault();
});
window.addEventListener("focus", refresh);
window.addEventListener("pageshow", (event) => event.persisted && refresh());
document.addEventListener("visibilitychange", refresh);

async function main() {
  if (kiosk) {
    memory.clear();
    // A sound that goes round and round plays on when nobody is there.
    const listening = () => trial?.player?.playing && !trial.player.loop;
    watch(() => view === null || ["welcome", "closed"].includes(view.step) || listening(), home);
  }
  await start();
  const full = kiosk && fullScreenButton();
  if (full) document.getElementById("top").append(full);
}

// Made at once, so that the first click wakes it instead of building it: Safari counts only what a click does itself.
audioContext();
main();

