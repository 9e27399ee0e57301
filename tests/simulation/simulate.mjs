// Runs the phone's outbox through many schedules of faults, against a model of the server's rules.
//
//   node tests/simulation/simulate.mjs --schedules 100000 --workers 2
//   node tests/simulation/simulate.mjs --seed 4711 --verbose       one of them, told step by step
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

import { runSchedule } from "./schedule.mjs";

const { values: options } = parseArgs({
  options: {
    schedules: { type: "string", default: "1000" },
    first: { type: "string", default: "1" },
    seed: { type: "string" },
    workers: { type: "string", default: "1" },
    modules: { type: "string", default: new URL("../../static/js/parts/outbox", import.meta.url).pathname },
    verbose: { type: "boolean", default: false },
  },
});

async function load(folder) {
  const parts = ["queue", "drain", "overlay", "checksum"].map((name) => import(pathToFileURL(`${folder}/${name}.js`)));
  return Object.assign({}, ...(await Promise.all(parts)));
}

function add(counts, more) {
  for (const [what, times] of Object.entries(more)) counts[what] = (counts[what] || 0) + times;
}

// The first seed that fails, or null; and how often what happened.
async function runSome(first, schedules, step) {
  const modules = await load(options.modules);
  const counts = {};
  for (let seed = first; seed < first + schedules; seed += step) {
    try {
      add(counts, await runSchedule(seed, modules));
    } catch (fault) {
      return { failed: { seed, message: fault.stack }, counts };
    }
  }
  return { failed: null, counts };
}

function inWorker(number, workers, first, schedules) {
  return new Promise((resolve, reject) => {
    const data = { number, workers, first, schedules };
    const run = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), workerData: data });
    run.once("message", resolve);
    run.once("error", reject);
  });
}

async function runAll() {
  const [first, schedules, workers] = [options.first, options.schedules, options.workers].map(Number);
  const began = performance.now();
  const runs = Array.from({ length: workers }, (_, number) => inWorker(number, workers, first, schedules));
  const all = await Promise.all(runs);
  const seconds = (performance.now() - began) / 1000;
  const counts = {};
  for (const part of all) add(counts, part.counts);
  console.log(`${schedules} schedules in ${seconds.toFixed(1)} s, ${Math.round(schedules / seconds)} a second`);
  console.log(JSON.stringify(counts));
  const failed = all.map((part) => part.failed).filter(Boolean).sort((a, b) => a.seed - b.seed)[0];
  if (failed) fail(failed.seed, failed.message);
}

function fail(seed, message) {
  console.error(`seed ${seed} fails: ${message}`);
  console.error(`Again: node tests/simulation/simulate.mjs --seed ${seed} --verbose`);
  process.exitCode = 1;
}

async function runOne(seed) {
  try {
    await runSchedule(seed, await load(options.modules), options.verbose ? console.log : undefined);
    console.log(`seed ${seed} holds`);
  } catch (fault) {
    fail(seed, fault.stack);
  }
}

if (!isMainThread) {
  const { number, workers, first, schedules } = workerData;
  parentPort.postMessage(await runSome(first + number, schedules - number, workers));
} else if (options.seed) {
  await runOne(Number(options.seed));
} else {
  await runAll();
}
