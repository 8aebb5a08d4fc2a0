// A start answered through a decision: a handler with one durable step. Restate's own ingress is its HTTP front.
// The SDK asks for Node.js 22; this is all that 20 lacks.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new Promise((yes, no) => { resolve = yes; reject = no; });
  return { promise, resolve, reject };
};
const restate = await import("@restatedev/restate-sdk");

const cycle = restate.service({
  name: "cycle",
  handlers: {
    decide: async (ctx, req) => {
      const branch = await ctx.run("decision", () => (req.kind === "a" ? "left" : "right"));
      return { ok: true, key: req.key, branch };
    },
  },
});
restate.serve({ services: [cycle], port: Number(process.env.APP_PORT) });
