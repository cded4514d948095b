//! Enrolling and unenrolling: the desk makes its id and key, the collector learns the public half.

use super::{
    assignment::{self, StoredAssignment},
    classify::Trouble,
    client::{Ask, Client, ClientError, Settings, Signer},
};
use crate::{
    identity::{self, Enrolment, Identity, Pending},
    random::Random,
    report::{Reporter, own_version},
    store::{self, Outgoing, Store, keys},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use signing::SigningKey;
use std::sync::Arc;
use telemetry::{DeskId, EnrollAnswer, EnrollCode, EnrollRequest, ErrorCode, Id, Millis, Versions};
use url::Url;

const ENROLL: &str = "/v1/enroll";
const UNENROLL: &str = "/v1/unenroll";

/// Why a desk was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// It is enrolled already.
    #[error("this desk is enrolled already; run `preshift unenroll` first")]
    AlreadyEnrolled,
    /// The code is wrong, used up or too old.
    #[error(
        "the collector does not accept this code: it is mistyped, used up or too old; ask IT for a new one"
    )]
    Code,
    /// The versions have nothing in common.
    #[error(
        "this version of Preshift and the collector's do not understand each other; one of them needs an update"
    )]
    Version,
    /// The collector refused it for another reason.
    #[error("the collector refused to enrol this desk ({0:?})")]
    Refused(ErrorCode),
    /// There was no answer.
    #[error("{}", .0.words())]
    NoAnswer(Trouble),
    /// No client could be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The identity could not be kept.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] signing::KeyError),
}

/// What became of a goodbye. The desk has forgotten its id and key either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goodbye {
    /// The collector knows.
    Told,
    /// The collector could not be told: IT may want to revoke the desk there.
    NotTold(Trouble),
    /// The desk was not enrolled.
    NotEnrolled,
}

/// Enrols this desk with a collector and fetches its assignment, so that its first report
/// already names the right policy. Says the desk's team.
pub async fn enroll(
    reporter: &Reporter,
    settings: &Settings,
    random: &Random,
    collector: &Url,
    code: &EnrollCode,
) -> Result<Id, EnrollError> {
    let _one = reporter.identity().changing.lock().await;
    enroll_now(reporter, settings, random, collector, code).await
}

/// As `enroll`, but only if the agent did not unenrol the desk by hand. `None` if they did.
pub(super) async fn enroll_unless_left(
    reporter: &Reporter,
    settings: &Settings,
    random: &Random,
    collector: &Url,
    code: &EnrollCode,
) -> Option<Result<Id, EnrollError>> {
    let _one = reporter.identity().changing.lock().await;
    match reporter.identity().left() {
        Some(_) => None,
        None => Some(enroll_now(reporter, settings, random, collector, code).await),
    }
}

async fn enroll_now(
    reporter: &Reporter,
    settings: &Settings,
    random: &Random,
    collector: &Url,
    code: &EnrollCode,
) -> Result<Id, EnrollError> {
    let (identity, store) = (reporter.identity(), reporter.store());
    if identity.enrolment().is_some() {
        return Err(EnrollError::AlreadyEnrolled);
    }
    let client = client(collector, settings).await?;
    let mut fresh = false;
    loop {
        let pending = match identity.pending(collector).filter(|_| !fresh) {
            Some(pending) => pending,
            None => make_pending(identity, random, collector).await?,
        };
        let key = SigningKey::from_bytes(&pending.key);
        match ask(identity, store, &client, random, &pending.desk, &key, code).await {
            // The id of an earlier try is taken by another key: begin with a new one, once.
            Err(EnrollError::Refused(ErrorCode::DeskTaken)) if !fresh => fresh = true,
            Err(error) => return Err(error),
            Ok((answer, offset)) => {
                let enrolment = Enrolment {
                    desk: pending.desk,
                    key,
                    collector: collector.clone(),
                    team: answer.team.clone(),
                    since: store.now(),
                };
                let assignment = first_assignment(identity, store, &client, random, &enrolment).await;
                if let Some(assignment) = &assignment {
                    reporter.set_policy(assignment.assignment.policy.reference());
                }
                keep(identity, store, enrolment, offset, assignment).await?;
                return Ok(answer.team);
            }
        }
    }
}

/// Says goodbye to the collector and forgets id, key, assignment and what waits in the spool. History stays.
/// A desk that waits to be enrolled by a file waits no longer: the agent said no.
pub async fn unenroll(
    reporter: &Reporter,
    settings: &Settings,
    random: &Random,
) -> Result<Goodbye, EnrollError> {
    let (identity, store) = (reporter.identity(), reporter.store());
    let _one = identity.changing.lock().await;
    let Some(enrolment) = identity.enrolment() else {
        forget(identity, store).await?;
        return Ok(Goodbye::NotEnrolled);
    };
    let goodbye = match client(&enrolment.collector, settings).await {
        Ok(client) => goodbye(identity, store, &client, random, &enrolment).await,
        Err(_) => Goodbye::NotTold(Trouble::Settings),
    };
    // First the identity: were it the spool first and the power went, the desk would go on as before.
    forget(identity, store).await?;
    store
        .run(|store| {
            store.begin_epoch()?;
            store.write(|tx| {
                tx.unset(keys::ASSIGNMENT)?;
                tx.unset(keys::DELIVERY)
            })
        })
        .await?;
    Ok(goodbye)
}

async fn forget(identity: &Arc<Identity>, store: &Store) -> Result<(), EnrollError> {
    let (identity, at) = (identity.clone(), store.now());
    tokio::task::spawn_blocking(move || identity.forget(at))
        .await
        .map_err(|_| EnrollError::Store(store::Error::Task))??;
    Ok(())
}

async fn client(collector: &Url, settings: &Settings) -> Result<Client, EnrollError> {
    let (url, settings) = (collector.clone(), settings.clone());
    let made = tokio::task::spawn_blocking(move || Client::new(&url, &settings)).await;
    Ok(made.map_err(|_| EnrollError::Store(store::Error::Task))??)
}

/// A new id and key, kept before they are used: if the answer is lost, the next try is the same desk.
async fn make_pending(
    identity: &Arc<Identity>,
    random: &Random,
    collector: &Url,
) -> Result<Pending, EnrollError> {
    let pending = Pending {
        desk: DeskId::from_bytes(random.bytes()),
        key: SigningKey::generate()?.to_bytes(),
        collector: collector.clone(),
    };
    let (identity, kept) = (identity.clone(), pending.clone());
    tokio::task::spawn_blocking(move || identity.set_pending(kept))
        .await
        .map_err(|_| EnrollError::Store(store::Error::Task))??;
    Ok(pending)
}

async fn ask(
    identity: &Identity,
    store: &Store,
    client: &Client,
    random: &Random,
    desk: &DeskId,
    key: &SigningKey,
    code: &EnrollCode,
) -> Result<(EnrollAnswer, Millis), EnrollError> {
    let request = EnrollRequest {
        versions: Versions::OURS,
        code: code.clone(),
        desk: desk.clone(),
        key: key.public(),
        daemon: own_version(),
    };
    let body = serde_json::to_vec(&request).map_err(|e| store::Error::Content(e.into()))?;
    let id = note(store, ENROLL, without_code(&body, code)).await?;
    let signer = Signer { desk, key, identity, random };
    let began = store.now();
    let ask = Ask { method: Method::POST, path: ENROLL, body, encoding: None, known: None };
    let answered = match client.ask(&signer, began, ask).await {
        Ok(answered) => answered,
        Err(no) => {
            if no.nothing_left {
                store.run(move |store| store.write(|tx| tx.never_left(id))).await?;
            }
            return Err(EnrollError::NoAnswer(no.trouble));
        }
    };
    let status = answered.status;
    store.run(move |store| store.write(|tx| tx.answered(id, status))).await?;
    match (status, answered.code()) {
        (200..=299, _) => {
            let answer: EnrollAnswer = serde_json::from_slice(&answered.body)
                .map_err(|_| EnrollError::NoAnswer(Trouble::NotACollector))?;
            let middle = began.get() as f64 + answered.round_trip.as_secs_f64() * 500.0;
            let offset = Millis::new(middle - answer.now.get() as f64);
            Ok((answer, offset))
        }
        (403, Some(ErrorCode::EnrollCode)) => Err(EnrollError::Code),
        (426, Some(ErrorCode::Version)) => Err(EnrollError::Version),
        (429 | 503, _) => Err(EnrollError::NoAnswer(Trouble::Busy)),
        (500..=599, _) => Err(EnrollError::NoAnswer(Trouble::Server)),
        (_, Some(code)) => Err(EnrollError::Refused(code)),
        (_, None) => Err(EnrollError::NoAnswer(Trouble::NotACollector)),
    }
}

/// An empty spool and a new epoch first, then who the desk is: a report can never carry the new id into the
/// old epoch.
async fn keep(
    identity: &Arc<Identity>,
    store: &Store,
    enrolment: Enrolment,
    offset: Millis,
    assignment: Option<StoredAssignment>,
) -> Result<(), EnrollError> {
    store
        .run(move |store| {
            store.begin_epoch()?;
            store.write(|tx| {
                match &assignment {
                    Some(assignment) => tx.set(keys::ASSIGNMENT, assignment)?,
                    None => tx.unset(keys::ASSIGNMENT)?,
                }
                tx.unset(keys::DELIVERY)?;
                tx.set(keys::CLOCK_OFFSET, &offset)
            })
        })
        .await?;
    let identity = identity.clone();
    tokio::task::spawn_blocking(move || identity.enrol(enrolment))
        .await
        .map_err(|_| EnrollError::Store(store::Error::Task))??;
    Ok(())
}

/// The assignment, if it comes at once; if not, the deliverer fetches it as it always does.
async fn first_assignment(
    identity: &Identity,
    store: &Store,
    client: &Client,
    random: &Random,
    enrolment: &Enrolment,
) -> Option<StoredAssignment> {
    let signer = Signer { desk: &enrolment.desk, key: &enrolment.key, identity, random };
    let path = super::fetch::ASSIGNMENT;
    let ask = Ask { method: Method::GET, path, body: Vec::new(), encoding: None, known: None };
    let answered = client.ask(&signer, store.now(), ask).await.ok().filter(|a| a.status == 200)?;
    Some(StoredAssignment {
        digest: assignment::tag_digest(answered.tag.as_deref()?)?,
        at: store.now(),
        assignment: assignment::read(&answered.body).ok()?,
    })
}

async fn goodbye(
    identity: &Identity,
    store: &Store,
    client: &Client,
    random: &Random,
    enrolment: &Enrolment,
) -> Goodbye {
    let Ok(id) = note(store, UNENROLL, Vec::new()).await else { return Goodbye::NotTold(Trouble::Store) };
    let signer = Signer { desk: &enrolment.desk, key: &enrolment.key, identity, random };
    let ask = Ask { method: Method::POST, path: UNENROLL, body: Vec::new(), encoding: None, known: None };
    match client.ask(&signer, store.now(), ask).await {
        Ok(answered) => {
            let status = answered.status;
            let _ = store.run(move |store| store.write(|tx| tx.answered(id, status))).await;
            match (status, answered.code()) {
                // Revoked or forgotten there already: that is what was asked for.
                (200..=299, _) | (403, Some(ErrorCode::UnknownDesk)) => Goodbye::Told,
                (500..=599, _) => Goodbye::NotTold(Trouble::Server),
                _ => Goodbye::NotTold(Trouble::NotACollector),
            }
        }
        Err(no) => Goodbye::NotTold(no.trouble),
    }
}

async fn note(store: &Store, path: &'static str, bytes: Vec<u8>) -> Result<i64, store::Error> {
    store
        .run(move |store| {
            let out = Outgoing { method: "POST", path, reports: 0, bytes: &bytes };
            store.write(|tx| tx.leaving(&out))
        })
        .await
}

/// What is kept of an enrolment request: all but the code, which may still let others in.
fn without_code(body: &[u8], code: &EnrollCode) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    text.replace(code.as_str(), &"*".repeat(code.as_str().len())).into_bytes()
}
