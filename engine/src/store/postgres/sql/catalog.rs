//! The catalog: cycles and their webhooks, shared ones, connectors and what subscribed.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_CATALOG;

    // The catalog: small, and read whole.

    INSTANTS = "SELECT account, (extract(epoch FROM last_instant) * 1000000)::bigint FROM accounts \
        ORDER BY account";
    REVISIONS = "SELECT account, revision FROM accounts WHERE deleted_at IS NULL ORDER BY account";
    CYCLES = "SELECT account, cycle_id, name, state, version, created_at, started_at, stopped_at, \
        deleted_at, backlog FROM cycles ORDER BY account, cycle_id";
    VERSIONS = "SELECT account, cycle_id, version, digest, source, created_at, vars FROM versions ORDER BY \
        account, cycle_id, version";
    WEBHOOKS = "SELECT account, webhook, cycle_id, step, created_at, queued FROM webhooks ORDER BY account, \
        webhook";
    CYCLE_PUT = "INSERT INTO cycles (account, cycle_id, name, state, version, created_at, started_at, \
        stopped_at, deleted_at, backlog) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON \
        CONFLICT (account, cycle_id) DO UPDATE SET name = excluded.name, state = excluded.state, \
        version = excluded.version, started_at = excluded.started_at, stopped_at = \
        excluded.stopped_at, deleted_at = excluded.deleted_at, backlog = excluded.backlog";
    VERSION_PUT = "INSERT INTO versions (account, cycle_id, version, digest, source, created_at, vars) VALUES ($1, \
        $2, $3, $4, $5, $6, $7)";
    /// The count of queued hits is `QUEUED_ADD`'s alone.
    WEBHOOK_PUT = "INSERT INTO webhooks (account, webhook, cycle_id, step, created_at, queued) VALUES ($1, $2, \
        $3, $4, $5, $6) ON CONFLICT (account, webhook) DO UPDATE SET step = excluded.step";
    QUEUED_COUNTS = "SELECT webhook, queued FROM webhooks WHERE account = $1 AND queued > 0 ORDER BY webhook";

    // Shared webhooks.

    SHARED = "SELECT account, webhook, name, settings, route, fan_out, created_at, paused_at, deleted_at FROM \
        shared_webhooks ORDER BY account, webhook";
    SHARED_PUT = "INSERT INTO shared_webhooks (account, webhook, name, settings, route, fan_out, created_at, \
        paused_at, deleted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account, webhook) DO \
        UPDATE SET name = excluded.name, settings = excluded.settings, route = excluded.route, fan_out = \
        excluded.fan_out, paused_at = excluded.paused_at, deleted_at = excluded.deleted_at";
    /// Deleted ones, once nothing is left of their hits.
    SHARED_GONE = "DELETE FROM shared_webhooks WHERE account = $1 AND deleted_at <= $2";
    CLAIMS_OF = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = $1 AND webhook = \
        $2 AND value_hash = $3 ORDER BY claimant LIMIT $4";
    CLAIMS = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = $1 AND webhook = \
        $2 AND (value_hash, claimant) > ($3, $4) ORDER BY value_hash, claimant LIMIT $5";
    CLAIMS_BY = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = $1 AND webhook = \
        $2 AND claimant = $3 AND value > $4 ORDER BY value LIMIT $5";
    CLAIM_PUT = "INSERT INTO claims (account, webhook, value_hash, claimant, value, created_at) VALUES ($1, $2, $3, \
        $4, $5, $6) ON CONFLICT (account, webhook, value_hash, claimant) DO NOTHING";
    CLAIM_GONE = "DELETE FROM claims WHERE account = $1 AND webhook = $2 AND value_hash = $3 \
        AND claimant = $4";
    CLAIMS_GONE = "DELETE FROM claims WHERE account = $1 AND webhook = $2";
    FAN_OUTS = "SELECT hit, claimant, webhook, told FROM fan_outs WHERE account = $1 AND hit > $2 ORDER BY hit, \
        claimant LIMIT $3";
    FAN_OUT_OF = "SELECT hit, claimant, webhook, told FROM fan_outs WHERE account = $1 AND hit = $2 \
        ORDER BY claimant";
    FAN_OUT_PUT = "INSERT INTO fan_outs (account, hit, claimant, webhook, told) VALUES ($1, $2, $3, $4, $5) ON CONFLICT \
        (account, hit, claimant) DO UPDATE SET told = excluded.told";
    FAN_OUT_GONE = "DELETE FROM fan_outs WHERE account = $1 AND hit = $2";
    HIT_EVENTS = "SELECT parent, event, webhook, hit, expires_at FROM hit_events WHERE account = $1 AND parent = $2 \
        ORDER BY event";
    HIT_EVENT_PUT = "INSERT INTO hit_events (account, parent, event, webhook, hit, expires_at) VALUES ($1, $2, $3, $4, \
        $5, $6)";
    EXPIRED_HIT_EVENTS_GONE = "DELETE FROM hit_events AS h WHERE h.account = $1 AND (h.parent, h.event) IN \
        (SELECT o.parent, o.event FROM hit_events AS o WHERE o.account = $1 AND o.expires_at <= $2 LIMIT $3)";

    // Connectors and subscriptions.

    CONNECTORS = "SELECT account, name, version, source, created_at, updated_at FROM connectors WHERE \
        account = $1 ORDER BY name LIMIT $2";
    CONNECTOR_PUT = "INSERT INTO connectors (account, name, version, source, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, name) DO UPDATE SET version = excluded.version, source = \
        excluded.source, updated_at = excluded.updated_at";
    SUBSCRIPTIONS = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
        fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
        created_at, updated_at FROM subscriptions WHERE account = $1 ORDER BY webhook, subscription LIMIT $2";
    SUBSCRIPTIONS_AT = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
        fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
        created_at, updated_at FROM subscriptions WHERE account = $1 AND webhook = $2 ORDER BY subscription";
    SUBSCRIPTIONS_DUE = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
        fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
        created_at, updated_at FROM subscriptions WHERE account = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3";
    SUBSCRIPTION_NEXT = "SELECT due_at FROM subscriptions WHERE account = $1 AND due_at IS NOT NULL \
        AND node IS NULL ORDER BY due_at LIMIT 1";
    SUBSCRIPTION_PUT = "INSERT INTO subscriptions (account, webhook, subscription, cycle_id, step, \
        connector, event, source, fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, \
        due_at, node, claim, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
        $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT (account, webhook, subscription) DO UPDATE SET cycle_id \
        = excluded.cycle_id, step = excluded.step, connector = excluded.connector, event = excluded.event, source = \
        excluded.source, fingerprint = excluded.fingerprint, parameters = excluded.parameters, state = excluded.state, \
        seq = excluded.seq, status = excluded.status, reason = excluded.reason, attempts = excluded.attempts, made_at = \
        excluded.made_at, refresh_at = excluded.refresh_at, due_at = excluded.due_at, node = excluded.node, claim = \
        excluded.claim, created_at = excluded.created_at, updated_at = excluded.updated_at";
    SUBSCRIPTION_GONE = "DELETE FROM subscriptions WHERE account = $1 AND webhook = $2 AND subscription \
        = $3";
}
