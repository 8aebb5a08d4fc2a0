// DBOS is a library: node:http in front of its workflows, on PostgreSQL.
import http from "node:http";
import { DBOS } from "@dbos-inc/dbos-sdk";

const which = async (kind) => (kind === "a" ? "left" : "right");

// A start answered through a decision: a workflow with one recorded step.
const decide = DBOS.registerWorkflow(async (req) => {
  const branch = await DBOS.runStep(() => which(req.kind), { name: "decision" });
  return { ok: true, key: req.key, branch };
}, { name: "decide" });

// Held until a message is sent to the workflow, whose id is the correlation value.
const hold = DBOS.registerWorkflow(async (req) => {
  const branch = await DBOS.runStep(() => which(req.kind), { name: "decision" });
  return { branch, hit: await DBOS.recv("hit", 86400) };
}, { name: "hold" });

DBOS.setConfig({
  name: "peer", systemDatabaseUrl: process.env.PG_URL, systemDatabasePoolSize: 20, logLevel: "warn",
  runAdminServer: false,
});
await DBOS.launch();

const routes = {
  "/decide": (req) => decide(req),
  "/hold": async (req) => { await DBOS.startWorkflow(hold, { workflowID: req.key })(req); return { ok: true }; },
  "/resume": async (req) => { await DBOS.send(req.key, req, "hit"); return { ok: true }; },
};
http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", async () => {
    try {
      const told = JSON.stringify(await routes[request.url](JSON.parse(body)));
      response.setHeader("content-type", "application/json");
      response.setHeader("content-length", Buffer.byteLength(told));
      response.end(told);
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
}).listen(Number(process.env.APP_PORT), "127.0.0.1");
