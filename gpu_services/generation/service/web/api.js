// Asks the API with the tab's token; shows what is wrong in words.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
  sessionStorage.setItem("token", fragment.get("token"));
  history.replaceState(null, "", location.pathname);
}

const pulse = document.getElementById("pulse");
const notice = document.getElementById("notice");

export async function ask(path) {
  const token = sessionStorage.getItem("token");
  if (!token) throw new Error("Open this page with a token: /#token=… (scalediff-generate token NAME makes one).");
  const answer = await fetch(`/api/v1/${path}`, { headers: { Authorization: `Bearer ${token}` } });
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.detail ?? `The service answered ${answer.status}.`);
  return document;
}

export function show(state, text, problem = "") {
  pulse.dataset.state = state;
  pulse.textContent = text;
  notice.hidden = !problem;
  notice.textContent = problem;
}

// Builds an element; text is set as text, so that nothing from a job becomes markup.
export function make(tag, properties = {}, ...children) {
  const { data = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function seconds(value) {
  if (value == null) return "–";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return value < 120 ? `${value.toFixed(1)} s` : `${Math.round(value / 60)} min`;
}

export function clock(iso) {
  return iso ? new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : "–";
}

export function chips(parent, names, current, choose) {
  parent.replaceChildren(...names.map(([value, title]) => {
    const button = make("button", { type: "button", textContent: title, onclick: () => choose(value) });
    button.setAttribute("aria-pressed", String(value === current));
    return button;
  }));
}
