//! Drains an SQS queue of logins into Postgres: an afternoon's program with aws-sdk-sqs and tokio-postgres.
//!
//! Receivers fill a channel. One loader takes what is there, writes it in one statement, and lets tasks delete the messages.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_postgres::{NoTls, Statement};

const RECEIVERS: usize = 32;
const DELETERS: usize = 32;
const PER_REQUEST: usize = 10;
const PER_INSERT: usize = 500;

const CREATE_LEDGER: &str = "create table if not exists ledger (message_id text primary key)";
const INSERT: &str = "
    insert into user_logins
    select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::date[])
      as m (message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)";
const NEW: &str = "
    with new as (
      insert into ledger select unnest($1::text[]) on conflict do nothing returning message_id
    )";

#[derive(Deserialize)]
struct Login {
    user_id: String,
    device_type: String,
    ip: String,
    device_id: String,
    locale: Option<String>,
    app_version: String,
}

struct Masker {
    mac: Hmac<Sha256>,
    prefix: String,
}

impl Masker {
    fn new(encoded: &str) -> Result<Self> {
        let key = STANDARD.decode(encoded).context("the masking key is not base64")?;
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(&key));
        Ok(Self {
            mac: Hmac::new_from_slice(&key)?,
            prefix: format!("h1.{}.", &id[..8]),
        })
    }

    fn mask(&self, field: &str, value: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(field.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        let mut masked = self.prefix.clone();
        URL_SAFE_NO_PAD.encode_string(mac.finalize().into_bytes(), &mut masked);
        masked
    }
}

/// Makes an integer that sorts as versions do: 2.3.1 is 2,003,001.
fn version(text: &str) -> Result<i32> {
    let mut parts = text.split('.');
    let mut sum = 0;
    for _ in 0..3 {
        sum = sum * 1000 + parts.next().map_or(Ok(0), str::parse::<i32>)?;
    }
    Ok(sum)
}

fn sent_day(message: &Message) -> Result<NaiveDate> {
    let sent = message
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.get(&MessageSystemAttributeName::SentTimestamp))
        .context("there is no SentTimestamp")?;
    let sent = DateTime::from_timestamp_millis(sent.parse()?).context("the SentTimestamp is out of range")?;
    Ok(sent.date_naive())
}

#[derive(Default)]
struct Columns {
    message_id: Vec<String>,
    user_id: Vec<String>,
    device_type: Vec<String>,
    masked_ip: Vec<String>,
    masked_device_id: Vec<String>,
    locale: Vec<Option<String>>,
    app_version: Vec<i32>,
    create_date: Vec<NaiveDate>,
}

fn columns(masker: &Masker, messages: &[Message]) -> Result<Columns> {
    let mut columns = Columns::default();
    let mut seen = HashSet::new();
    for message in messages {
        let id = message.message_id().unwrap_or_default();
        if !seen.insert(id) {
            continue;
        }
        let login: Login = serde_json::from_str(message.body().unwrap_or_default())?;
        columns.message_id.push(id.to_owned());
        columns.masked_ip.push(masker.mask("ip", &login.ip));
        columns.masked_device_id.push(masker.mask("device_id", &login.device_id));
        columns.app_version.push(version(&login.app_version)?);
        columns.create_date.push(sent_day(message)?);
        columns.user_id.push(login.user_id);
        columns.device_type.push(login.device_type);
        columns.locale.push(login.locale);
    }
    Ok(columns)
}

async fn load(db: &tokio_postgres::Client, statement: &Statement, c: &Columns) -> Result<()> {
    db.execute(
        statement,
        &[
            &c.message_id,
            &c.user_id,
            &c.device_type,
            &c.masked_ip,
            &c.masked_device_id,
            &c.locale,
            &c.app_version,
            &c.create_date,
        ],
    )
    .await?;
    Ok(())
}

/// Ends when the queue is empty.
async fn receive(sqs: Client, queue: String, received: mpsc::Sender<Vec<Message>>) -> Result<()> {
    loop {
        let response = sqs
            .receive_message()
            .queue_url(&queue)
            .max_number_of_messages(PER_REQUEST as i32)
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await?;
        let messages = response.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(());
        }
        received.send(messages).await?;
    }
}

async fn delete(sqs: Client, queue: String, handles: Vec<String>) -> Result<()> {
    let mut request = sqs.delete_message_batch().queue_url(queue);
    for (index, handle) in handles.into_iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .receipt_handle(handle)
            .build()?;
        request = request.entries(entry);
    }
    if let Some(failed) = request.send().await?.failed().first() {
        bail!("delete: {}", failed.code());
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let ledger = !std::env::args().any(|argument| argument == "--no-ledger");
    let queue = std::env::var("QUEUE_URL").context("QUEUE_URL")?;
    let masker = Masker::new(&std::env::var("MASKING_KEY").context("MASKING_KEY")?)?;
    let sqs = Client::new(&aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await);
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL")?;
    let (db, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    let statement = if ledger {
        db.batch_execute(CREATE_LEDGER).await?;
        db.prepare(&format!("{NEW} {INSERT} join new using (message_id)")).await?
    } else {
        db.prepare(INSERT).await?
    };

    let (sender, mut received) = mpsc::channel(RECEIVERS);
    let mut tasks = JoinSet::new();
    for _ in 0..RECEIVERS {
        tasks.spawn(receive(sqs.clone(), queue.clone(), sender.clone()));
    }
    drop(sender);
    let deleters = Arc::new(Semaphore::new(DELETERS));
    while let Some(mut messages) = received.recv().await {
        while messages.len() < PER_INSERT
            && let Ok(more) = received.try_recv()
        {
            messages.extend(more);
        }
        load(&db, &statement, &columns(&masker, &messages)?).await?;
        for chunk in messages.chunks(PER_REQUEST) {
            let handles = chunk.iter().filter_map(|message| message.receipt_handle.clone()).collect();
            let permit = deleters.clone().acquire_owned().await?;
            let deleting = delete(sqs.clone(), queue.clone(), handles);
            tasks.spawn(async move {
                let _permit = permit;
                deleting.await
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
