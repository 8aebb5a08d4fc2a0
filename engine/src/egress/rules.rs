//! What the operator lets out: where to, whom to believe, and how much at once.
//!
//! Invariant: what is here only opens; nothing of it makes a check weaker for other partners.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::Network;

/// Requests that are out at once, where nobody says otherwise.
pub const CONNECTIONS_MAX: usize = 1_000;

/// How the one way out is opened.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Reached besides public addresses.
    pub networks: Vec<Network>,
    /// Believed besides the built-in ones.
    pub authorities: Authorities,
    /// Requests that are out at once, each on a connection of its own; what is over them waits.
    pub connections: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

/// These networks, and the rest as it usually is.
impl From<Vec<Network>> for Rules {
    fn from(networks: Vec<Network>) -> Self {
        Self { networks, authorities: Authorities::default(), connections: CONNECTIONS_MAX }
    }
}

/// Certificates that a partner's may be signed with.
#[derive(Clone, Debug, Default)]
pub struct Authorities(Vec<CertificateDer<'static>>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthorities {
    #[error("no certificate is in it: PEM is expected, `-----BEGIN CERTIFICATE-----`")]
    None,
    #[error("certificate {0} can't be read: {1}")]
    Unreadable(usize, String),
}

impl Authorities {
    /// The certificates of a PEM file, every one of which can be used.
    pub fn parse(pem: &[u8]) -> Result<Self, NoAuthorities> {
        let mut found = Self::default();
        for (at, one) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let unreadable = |error: &dyn std::fmt::Display| NoAuthorities::Unreadable(at + 1, error.to_string());
            found.0.push(one.map_err(|error| unreadable(&error))?);
            found.roots().map_err(|error| unreadable(&error))?;
        }
        if found.0.is_empty() { Err(NoAuthorities::None) } else { Ok(found) }
    }

    /// With those that are built in.
    pub fn roots(&self) -> Result<RootCertStore, rustls::Error> {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for one in &self.0 {
            roots.add(one.clone())?;
        }
        Ok(roots)
    }
}
