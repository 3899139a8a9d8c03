// The page's way to the server: the session's token, one request per answer, again and again until it arrived.

const body = document.body.dataset;
const KEY = `lass-listen-${body.slug}`;
const PATIENCE = [500, 1000, 2000, 4000, 8000]; // milliseconds between attempts; the last one for ever
const LONGEST = 15000; // milliseconds until an attempt counts as failed

export const kiosk = body.kiosk === "yes";

// Storage that may be forbidden (private windows, embedded pages) or full: then the page forgets, nothing else.
function safely(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

export const memory = {
  get: (name) => safely(() => JSON.parse(sessionStorage.getItem(`${KEY}-${name}`))),
  set: (name, value) => safely(() => sessionStorage.setItem(`${KEY}-${name}`, JSON.stringify(value))),
  clear: () => safely(() => {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(KEY)) sessionStorage.removeItem(name);
  }),
};

// On a kiosk the token lives in this page only: the next person never finds it.
let token = kiosk ? null : safely(() => localStorage.getItem(KEY));

export function remember(session) {
  token = session;
  if (kiosk) return;
  safely(() => (session === null ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, session)));
}

// The kiosk says that it has no session, so that a cookie of the browser does not speak for it.
function headers() {
  if (token !== null) return { "X-Listen-Session": token };
  return kiosk ? { "X-Listen-Session": "none" } : {};
}

export class Refused extends Error {
  constructor(message, status, after = 0) {
    super(message);
    this.status = status;
    this.after = after; // milliseconds that the server wants to be left alone
  }
}

async function attempt(path, options) {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), LONGEST);
  try {
    const response = await fetch(path, { credentials: "same-origin", cache: "no-store", signal: aborter.signal, ...options });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    const after = 1000 * (Number(response.headers.get("Retry-After")) || 0);
    throw new Refused(answer.error || response.statusText, response.status, after);
  } finally {
    clearTimeout(timer);
  }
}

function url(name) { return `api/${body.slug}/${name}`; }

export function state(language) {
  const asked = language ? `?lang=${encodeURIComponent(language)}` : "";
  return attempt(url("state") + asked, { headers: headers() });
}

// Whether trying again can help: the connection is gone or the server is in trouble, rather than saying no.
export function passing(error) { return !(error instanceof Refused) || error.status >= 500 || error.status === 429; }

// Waits; a connection that comes back ends the wait.
function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    window.addEventListener("online", done);
  });
}

// Sends `message` until the server has it; failing(error) is told after every attempt that did not arrive.
// Throws Refused when the server says no.
export async function send(name, message, failing) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers() },
    body: JSON.stringify(message),
  };
  for (let round = 0; ; round += 1) {
    try {
      return await attempt(url(name), options);
    } catch (error) {
      if (!passing(error)) throw error;
      failing(error);
      await pause(Math.max(error.after ?? 0, PATIENCE[Math.min(round, PATIENCE.length - 1)]));
    }
  }
}

// The bytes of a sound; tries for a while before it gives up.
export async function bytes(id) {
  for (let round = 0; ; round += 1) {
    try {
      const response = await fetch(`audio/${id}.wav?study=${body.slug}`, { credentials: "same-origin", headers: headers() });
      if (response.ok) return await response.arrayBuffer();
      throw new Refused((await response.json().catch(() => ({}))).error || response.statusText, response.status);
    } catch (error) {
      if (!passing(error) || round >= PATIENCE.length) throw error;
      await pause(PATIENCE[round]);
    }
  }
}

// A name for one answer, so that the server knows it when it comes twice. randomUUID wants https; this does not.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
