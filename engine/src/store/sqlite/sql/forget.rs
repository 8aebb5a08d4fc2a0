//! What a removed account leaves, a bounded number of rows at a time.

use crate::store::statements::statements;

statements! {
    /// In their order.
    FORGET;

    FORGET_CYCLES = "DELETE FROM cycles WHERE (account, cycle_id) IN (SELECT account, cycle_id FROM \
        cycles WHERE account = ?1 LIMIT ?2)";
    FORGET_VERSIONS = "DELETE FROM versions WHERE (account, cycle_id, version) IN (SELECT account, \
        cycle_id, version FROM versions WHERE account = ?1 LIMIT ?2)";
    FORGET_WEBHOOKS = "DELETE FROM webhooks WHERE (account, webhook) IN (SELECT account, webhook \
        FROM webhooks WHERE account = ?1 LIMIT ?2)";
    FORGET_HITS = "DELETE FROM hits WHERE (account, webhook, hit) IN (SELECT account, webhook, hit \
        FROM hits WHERE account = ?1 LIMIT ?2)";
    FORGET_TRANSACTIONS = "DELETE FROM transactions WHERE (account, transaction_id) IN (SELECT \
        account, transaction_id FROM transactions WHERE account = ?1 LIMIT ?2)";
    FORGET_RUNS = "DELETE FROM runs WHERE (account, transaction_id, run) IN (SELECT account, \
        transaction_id, run FROM runs WHERE account = ?1 LIMIT ?2)";
    FORGET_HOLD_KEYS = "DELETE FROM hold_keys WHERE (account, webhook, key_hash, resumed, \
        transaction_id) IN (SELECT account, webhook, key_hash, resumed, transaction_id FROM hold_keys WHERE account \
        = ?1 LIMIT ?2)";
    FORGET_TIMERS = "DELETE FROM timers WHERE (account, due_at, transaction_id, run) IN (SELECT \
        account, due_at, transaction_id, run FROM timers WHERE account = ?1 LIMIT ?2)";
    FORGET_EARLY = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN (SELECT account, \
        webhook, key_hash, hit FROM early WHERE account = ?1 LIMIT ?2)";
    FORGET_REPEATS = "DELETE FROM repeats WHERE (account, webhook, key_hash) IN (SELECT account, \
        webhook, key_hash FROM repeats WHERE account = ?1 LIMIT ?2)";
    FORGET_ANSWERS = "DELETE FROM answers WHERE (account, hit) IN (SELECT account, hit FROM answers \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_QUEUE = "DELETE FROM queue WHERE (account, cycle_id, hit) IN (SELECT account, cycle_id, \
        hit FROM queue WHERE account = ?1 LIMIT ?2)";
    FORGET_KEYS = "DELETE FROM keys WHERE (account, key_id) IN (SELECT account, key_id FROM keys \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_SECRETS = "DELETE FROM secrets WHERE (account, name) IN (SELECT account, name FROM \
        secrets WHERE account = ?1 LIMIT ?2)";
    FORGET_UNDERWAY = "DELETE FROM underway WHERE (account, transaction_id, run) IN (SELECT \
        account, transaction_id, run FROM underway WHERE account = ?1 LIMIT ?2)";
    FORGET_SCRIPT_STORE = "DELETE FROM script_store WHERE (account, cycle_id, key) IN (SELECT \
        account, cycle_id, key FROM script_store WHERE account = ?1 LIMIT ?2)";
    FORGET_ENDPOINTS = "DELETE FROM endpoints WHERE (account, endpoint) IN (SELECT account, endpoint FROM endpoints \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_MESSAGES = "DELETE FROM messages WHERE (account, message) IN (SELECT account, message FROM messages \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_DELIVERIES = "DELETE FROM deliveries WHERE (account, message, endpoint) IN (SELECT account, message, endpoint FROM deliveries \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_LINES = "DELETE FROM lines WHERE (account, endpoint) IN (SELECT account, endpoint FROM lines \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_SHARED_WEBHOOKS = "DELETE FROM shared_webhooks WHERE (account, webhook) IN (SELECT account, webhook FROM shared_webhooks \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_CLAIMS = "DELETE FROM claims WHERE (account, webhook, value_hash, claimant) IN (SELECT account, webhook, value_hash, claimant FROM claims \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_FAN_OUTS = "DELETE FROM fan_outs WHERE (account, hit, claimant) IN (SELECT account, hit, claimant FROM fan_outs \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_HIT_EVENTS = "DELETE FROM hit_events WHERE (account, parent, event) IN (SELECT account, parent, event FROM hit_events \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_CONNECTORS = "DELETE FROM connectors WHERE (account, name) IN (SELECT account, name FROM connectors \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_SUBSCRIPTIONS = "DELETE FROM subscriptions WHERE (account, webhook, subscription) IN (SELECT account, webhook, subscription FROM subscriptions \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_SESSIONS = "DELETE FROM sessions WHERE (account, hash) IN (SELECT account, hash FROM sessions \
        WHERE account = ?1 LIMIT ?2)";
    FORGET_TALLIES = "DELETE FROM tallies WHERE (account, cycle_id, step, hour, node) IN (SELECT account, \
        cycle_id, step, hour, node FROM tallies WHERE account = ?1 LIMIT ?2)";
}
