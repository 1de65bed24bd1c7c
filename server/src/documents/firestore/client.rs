//! Requests to Firestore: each with its credentials, its routing, and a time after which it is given up.

use std::future::Future;
use std::time::Duration;

use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as api;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use api::batch_get_documents_response::Result as Got;
use api::firestore_client::FirestoreClient;

use super::fault::{Fault, Place};
use super::layout;
use crate::documents::Clock;

/// Where Firestore answers.
const ADDRESS: &str = "https://firestore.googleapis.com";
/// What the credentials are asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/datastore";
/// How long one request may take; with its repetitions it ends before a browser loses patience.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(3);
/// How often something is tried at most that is not answered.
const TRIES: u32 = 4;
/// How often something is tried at most that was answered: others were in the way.
const TRIES_AGAINST_OTHERS: u32 = 8;
/// The pause before the second try; it doubles, and varies by half.
const PAUSE_MS: u64 = 40;

/// The way to one database.
pub struct Client {
    place: Place,
    patience: Duration,
    inner: FirestoreClient<Channel>,
    /// None at the emulator, which asks for none.
    credentials: Option<AccessTokenCredentials>,
    /// Which database a request is about, for who hands it on: as a path, and as parameters.
    routing: [(&'static str, MetadataValue<Ascii>); 2],
    clock: Clock,
}

impl Client {
    /// A client that connects when it is first used; it tells the clock what time each answer is of.
    pub fn new(place: Place, clock: Clock) -> Result<Self, Fault> {
        Self::within(PATIENCE, place, clock)
    }

    /// The same with another patience.
    pub(super) fn within(patience: Duration, place: Place, clock: Clock) -> Result<Self, Fault> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Fault::of(&Status::unavailable(error.to_string()), &place)
        };
        let address = match &place.emulator {
            Some(host) => format!("http://{host}"),
            None => ADDRESS.to_owned(),
        };
        let mut endpoint = Endpoint::from_shared(address)
            .map_err(|error| failed(&error))?
            .connect_timeout(CONNECTING)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(PATIENCE)
            .keep_alive_while_idle(true);
        let mut credentials = None;
        if place.emulator.is_none() {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(tls).map_err(|error| failed(&error))?;
            let found = Builder::default()
                .with_scopes([SCOPE])
                .build_access_token_credentials();
            credentials =
                Some(found.map_err(|error| Fault::without_credentials(&error, false, &place))?);
        }
        let header = |text: String| {
            text.parse()
                .map_err(|error: InvalidMetadataValue| failed(&error))
        };
        let routing = [
            (
                "google-cloud-resource-prefix",
                header(place.database.clone())?,
            ),
            ("x-goog-request-params", header(parameters(&place))?),
        ];
        Ok(Self {
            inner: FirestoreClient::new(endpoint.connect_lazy()),
            place,
            patience,
            credentials,
            routing,
            clock,
        })
    }

    /// The path that all documents are below.
    pub fn documents(&self) -> String {
        format!("{}/documents", self.place.database)
    }

    /// The documents of these names that there are, in no order; of `mask` only these fields, when there are any.
    pub async fn get(
        &self,
        names: &[String],
        mask: Option<&str>,
    ) -> Result<Vec<api::Document>, Fault> {
        let message = api::BatchGetDocumentsRequest {
            database: self.place.database.clone(),
            documents: names.to_vec(),
            mask: mask.map(|field| api::DocumentMask {
                field_paths: vec![field.to_owned()],
            }),
            consistency_selector: None,
        };
        self.repeated(|| async {
            let request = self.request(message.clone()).await?;
            self.in_time(async {
                let mut found = Vec::new();
                let mut answers = self
                    .inner
                    .clone()
                    .batch_get_documents(request)
                    .await?
                    .into_inner();
                while let Some(answer) = answers.message().await? {
                    self.heard(answer.read_time);
                    if let Some(Got::Found(document)) = answer.result {
                        found.push(document);
                    }
                }
                Ok(found)
            })
            .await
        })
        .await
    }

    /// The documents that a query finds, in its order.
    pub async fn query(&self, query: api::StructuredQuery) -> Result<Vec<api::Document>, Fault> {
        let message = api::RunQueryRequest {
            parent: self.documents(),
            query_type: Some(api::run_query_request::QueryType::StructuredQuery(query)),
            ..api::RunQueryRequest::default()
        };
        self.repeated(|| async {
            let request = self.request(message.clone()).await?;
            self.in_time(async {
                let mut found = Vec::new();
                let mut answers = self.inner.clone().run_query(request).await?.into_inner();
                while let Some(answer) = answers.message().await? {
                    self.heard(answer.read_time);
                    found.extend(answer.document);
                }
                Ok(found)
            })
            .await
        })
        .await
    }

    /// How many documents a query finds, counted up to `limit`.
    pub async fn count(&self, query: api::StructuredQuery, limit: u32) -> Result<i64, Fault> {
        use api::structured_aggregation_query::{Aggregation, QueryType, aggregation};
        let up_to = Some(i64::from(limit));
        let counting = api::StructuredAggregationQuery {
            aggregations: vec![Aggregation {
                alias: "count".to_owned(),
                operator: Some(aggregation::Operator::Count(aggregation::Count { up_to })),
            }],
            query_type: Some(QueryType::StructuredQuery(query)),
        };
        let message = api::RunAggregationQueryRequest {
            parent: self.documents(),
            query_type: Some(
                api::run_aggregation_query_request::QueryType::StructuredAggregationQuery(counting),
            ),
            ..api::RunAggregationQueryRequest::default()
        };
        self.repeated(|| async {
            let request = self.request(message.clone()).await?;
            self.in_time(async {
                let mut counted = None;
                let mut answers = self
                    .inner
                    .clone()
                    .run_aggregation_query(request)
                    .await?
                    .into_inner();
                while let Some(answer) = answers.message().await? {
                    self.heard(answer.read_time);
                    counted = counted.or_else(|| number(answer.result?));
                }
                counted.ok_or_else(|| Status::data_loss("nothing was counted"))
            })
            .await
        })
        .await
    }

    /// Commits once: whether to try again is not known here.
    pub async fn commit(&self, writes: Vec<api::Write>) -> Result<(), Fault> {
        let message = api::CommitRequest {
            database: self.place.database.clone(),
            writes,
            transaction: Vec::new(),
        };
        let request = self.request(message).await?;
        self.in_time(async {
            let done = self.inner.clone().commit(request).await?.into_inner();
            self.heard(done.commit_time);
            Ok(())
        })
        .await
    }

    /// Asks what time it is: also the answer that a document is not there has its time. That of a commit of nothing has
    /// none everywhere.
    pub async fn ask_time(&self) -> Result<(), Fault> {
        let nothing = format!("{}/leases/none", self.documents());
        self.get(&[nothing], Some("none")).await.map(drop)
    }

    /// Waits before the try after this many.
    pub async fn pause(tried: u32) {
        let random = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
        let pause = (PAUSE_MS << tried.min(6)) as f64 * (0.5 + random);
        tokio::time::sleep(Duration::from_millis(pause as u64)).await;
    }

    /// Whether there may be another try after this many, of which the last ended so.
    pub fn may_repeat(tried: u32, fault: &Fault) -> bool {
        tried
            < if fault.leaves_open() {
                TRIES
            } else {
                TRIES_AGAINST_OTHERS
            }
    }

    /// Asks until it is answered, or cannot be.
    async fn repeated<T, Asked>(&self, ask: impl Fn() -> Asked) -> Result<T, Fault>
    where
        Asked: Future<Output = Result<T, Fault>>,
    {
        let mut tried = 1;
        loop {
            match ask().await {
                Err(fault) if fault.passes() && Self::may_repeat(tried, &fault) => {
                    tracing::debug!(cause = %fault, tried, "asking again");
                    Self::pause(tried).await;
                    tried += 1;
                }
                answered => return answered,
            }
        }
    }

    async fn request<T>(&self, message: T) -> Result<Request<T>, Fault> {
        let mut request = Request::new(message);
        request.set_timeout(self.patience);
        let token = match &self.credentials {
            Some(credentials) => {
                let token = tokio::time::timeout(self.patience, credentials.access_token()).await;
                let token = token.map_err(|_| Fault::late(&self.place))?;
                token
                    .map_err(|error| {
                        Fault::without_credentials(&error, error.is_transient(), &self.place)
                    })?
                    .token
            }
            // The emulator's word for one who may do everything.
            None => "owner".to_owned(),
        };
        let bearer = format!("Bearer {token}").parse();
        let bearer = bearer.map_err(|error: InvalidMetadataValue| {
            Fault::without_credentials(&error, false, &self.place)
        })?;
        let headers = request.metadata_mut();
        headers.insert("authorization", bearer);
        for (name, value) in &self.routing {
            headers.insert(*name, value.clone());
        }
        Ok(request)
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, Status>>) -> Result<T, Fault> {
        match tokio::time::timeout(self.patience, asked).await {
            Ok(answered) => answered.map_err(|status| Fault::of(&status, &self.place)),
            Err(_) => Err(Fault::late(&self.place)),
        }
    }

    fn heard(&self, time: Option<prost_types::Timestamp>) {
        if let Some(time) = time {
            self.clock.tell(layout::time(&time));
        }
    }
}

/// Project and database, as the requests to named databases are routed by.
fn parameters(place: &Place) -> String {
    let names = ["project_id", "database_id"];
    let values = place.database.split('/').skip(1).step_by(2);
    let parameters = names.into_iter().zip(values).map(|(name, value)| {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        format!("{name}={value}")
    });
    parameters.collect::<Vec<_>>().join("&")
}

fn number(result: api::AggregationResult) -> Option<i64> {
    let counted = result.aggregate_fields.into_values().next()?;
    match counted.value_type? {
        api::value::ValueType::IntegerValue(number) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_routed_by_project_and_database() {
        let routed = |database: &str| {
            parameters(&Place {
                database: database.to_owned(),
                emulator: None,
                setting: "DOCUMENTS_URL",
            })
        };
        assert_eq!(
            routed("projects/example.org:p/databases/(default)"),
            "project_id=example%2Eorg%3Ap&database_id=%28default%29"
        );
    }
}
