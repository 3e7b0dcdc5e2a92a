// The HTTP API. Every error is a Problem, which says what to do.

import { apiKey } from "./key.js";

export class Problem extends Error {
  constructor(status, body) {
    super(body.title ?? `The server answered ${status}.`);
    this.status = status;
    this.kind = (body.type ?? "").replace("urn:multirecall:", "");
    this.detail = body.detail ?? "";
    this.field = body.field ?? "";
    this.requestId = body.request_id ?? "";
  }
}

export const wasAborted = (error) => error.name === "AbortError";

async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (apiKey()) headers.authorization = `Bearer ${apiKey()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
  } catch (error) {
    if (wasAborted(error)) throw error;
    throw new Problem(0, { title: "The server cannot be reached.", detail: "Is it running? Try again." });
  }
  if (response.ok) return response;
  let told = {};
  if ((response.headers.get("content-type") ?? "").includes("json")) told = await response.json();
  if (response.status === 401) document.dispatchEvent(new CustomEvent("key-needed", { detail: told.title }));
  throw new Problem(response.status, told);
}

async function json(path, options) {
  return (await ask(path, options)).json();
}

export const setup = () => json("/v1/page");

export const search = (body, signal) => json("/v1/search", { method: "POST", body, signal });

export const searchAll = async (searches, signal) =>
  (await json("/v1/search/batch", { method: "POST", body: { searches }, signal })).results;

export const explain = (body) => json("/v1/explain", { method: "POST", body });

export const suggest = (text, signal) => json(`/v1/suggest?${new URLSearchParams({ q: text, size: 8 })}`, { signal });

/** The grades of a query, or null where it is not judged. */
export const judgments = (text) => json(`/v1/judgments?${new URLSearchParams({ q: text })}`);

export const judgedQueries = () => json("/v1/judgments/queries");

export const generations = () => json("/v1/generations");
export const jobs = () => json("/v1/jobs");
export const deadLetters = () => json("/v1/deadletters");
export const reports = () => json("/v1/reports");

export async function metrics() {
  return (await ask("/metrics")).text();
}

/** Readiness answers 503 with the same body when it is not ready. */
export async function readiness() {
  const response = await fetch("/readyz", { cache: "no-store" });
  return response.json();
}
