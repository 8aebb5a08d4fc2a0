//! Endpoints in an export: as people set them, as far as they were validated, their secrets sealed.

use crate::{
    Error,
    catalog::Catalog,
    clock::to_utc,
    engine::instant,
    notify::{Secrets, Settings, State},
    portable::{PortableEndpoint, decoded, encoded},
    secret::MasterKeys,
    store::EndpointRow,
};

pub fn exported(catalog: &Catalog, account: &str) -> Result<Vec<PortableEndpoint>, Error> {
    let one = |endpoint: &crate::notify::Endpoint| {
        let row = &endpoint.row;
        Ok(PortableEndpoint {
            id: row.endpoint,
            settings: serde_json::to_value(&endpoint.settings).map_err(|error| Error::Internal(error.into()))?,
            state: row.state.clone(),
            reason: row.reason.clone(),
            sealed: encoded(&row.sealed),
            master_key: row.key_id.clone(),
            created_at: to_utc(row.created_at),
            validated_at: row.validated_at.map(to_utc),
        })
    };
    catalog.watched().of(account).iter().map(|endpoint| one(endpoint)).collect()
}

/// Its cycle may be gone, as it may be where it comes from.
pub fn checked(keys: &MasterKeys, account: &str, endpoint: PortableEndpoint) -> Result<EndpointRow, Error> {
    let id = endpoint.id;
    let wrong = |what: String| Error::Invalid(format!("endpoint {id}: {what}"));
    let settings: Settings =
        serde_json::from_value(endpoint.settings.clone()).map_err(|error| wrong(format!("its settings: {error}")))?;
    settings.check().map_err(|error| match error {
        Error::Invalid(message) => wrong(message),
        other => other,
    })?;
    let known = serde_json::to_value(&settings).map_err(|error| Error::Internal(error.into()))?;
    let given = endpoint.settings.as_object().into_iter().flatten();
    if let Some((name, _)) = given.into_iter().find(|(name, _)| known.get(name.as_str()).is_none()) {
        return Err(wrong(format!("its settings have an unknown field {name}")));
    }
    let Some(state) = State::from_word(&endpoint.state) else {
        return Err(wrong(format!("there is no state {}", endpoint.state)));
    };
    if state != State::Pending && endpoint.validated_at.is_none() {
        return Err(wrong(format!("it is {} and was never validated", endpoint.state)));
    }
    let sealed = decoded(&format!("what is sealed of endpoint {id}"), &endpoint.sealed)?;
    Secrets::open(keys, account, id, &sealed)?;
    Ok(EndpointRow {
        account: account.to_owned(),
        endpoint: id,
        settings: known.to_string(),
        state: endpoint.state,
        reason: endpoint.reason,
        sealed,
        key_id: endpoint.master_key,
        created_at: instant(endpoint.created_at),
        validated_at: endpoint.validated_at.map(instant),
    })
}
