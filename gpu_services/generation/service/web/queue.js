import { ask, chips, clock, make, seconds, show } from "/pages/api.js";

const STATES = [["", "all"], ["queued", "queued"], ["running", "running"], ["completed", "completed"], ["failed", "failed"], ["cancelled", "cancelled"]];
const EVERY_MS = 2000;
let wanted = "";

function tile(name, value) {
  return make("div", { className: "tile" }, make("b", { textContent: value }), make("span", { textContent: name }));
}

function tiles(state) {
  const waiting = Object.entries(state.waiting).map(([name, count]) => tile(name.replace("_", " "), count));
  const rate = state.seconds_per_clip ? Math.round(3600 / state.seconds_per_clip).toLocaleString() : "–";
  document.getElementById("tiles").replaceChildren(
    ...waiting, tile("in work", state.leased), tile("waiting out a back-off", state.delayed), tile("clips an hour", rate));
}

function worker(one) {
  const head = make("strong", {}, one.worker_id, make("span", { className: "state", textContent: one.state, data: { state: one.state === "busy" ? "running" : "queued" } }));
  const model = one.model_version ?? "no model yet";
  const text = `${model} · ${seconds(one.seconds_per_clip)} a clip · ${one.clips_done} made`;
  return make("div", { className: "card" }, head, make("small", { textContent: one.error ?? text }));
}

function progress(job) {
  if (job.status !== "running") return job.status === "queued" && job.queue_position != null ? `#${job.queue_position + 1}` : "";
  return make("progress", { max: 1, value: job.progress });
}

function row(job) {
  const took = job.started_at && job.completed_at ? (new Date(job.completed_at) - new Date(job.started_at)) / 1000 : null;
  const scenario = make("td", { className: "prompt" }, job.prompt.replace("dashcam view of ", ""),
    make("small", { textContent: job.failure ? `${job.failure.reason}: ${job.failure.detail}` : job.category.replaceAll("_", " ") }));
  return make("tr", {},
    make("td", {}, make("code", { textContent: job.job_id })), scenario,
    make("td", { className: "priority", textContent: job.priority.replace("_", " "), data: { priority: job.priority } }),
    make("td", { className: "state", textContent: job.status, data: { state: job.status } }),
    make("td", { className: "number" }, progress(job)),
    make("td", { className: "number", textContent: clock(job.created_at) }),
    make("td", { className: "number", textContent: seconds(took) }));
}

async function refresh() {
  chips(document.getElementById("filters"), STATES, wanted, (value) => { wanted = value; refresh(); });
  try {
    const [state, page] = await Promise.all([ask("state"), ask(`jobs?limit=100${wanted && `&status=${wanted}`}`)]);
    tiles(state);
    const workers = state.workers.map(worker);
    document.getElementById("workers").replaceChildren(...(workers.length ? workers : [make("p", { className: "empty", textContent: "No worker is running; orders wait." })]));
    const rows = page.jobs.map(row);
    document.getElementById("jobs").replaceChildren(...(rows.length ? rows : [make("tr", {}, make("td", { colSpan: 7, className: "empty", textContent: "No jobs here." }))]));
    show(state.halted ? "halted" : "live", state.halted ? "halted" : "live", state.halted ? `Halted: ${state.halted}` : "");
  } catch (error) {
    show("down", "not connected", error.message);
  }
}

refresh();
setInterval(refresh, EVERY_MS);
