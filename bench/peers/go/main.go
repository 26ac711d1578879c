// Drains an SQS queue of logins into Postgres: an afternoon's program with aws-sdk-go-v2 and pgx.
//
// Receivers fill a channel. One loader takes what is there, writes it in one statement, and hands the messages to the deleters.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

const (
	receivers  = 32
	deleters   = 32
	perRequest = 10
	perInsert  = 500
)

const createLedger = `create table if not exists ledger (message_id text primary key)`

const values = `unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::date[])
  as m (message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)`

const insert = `insert into user_logins select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date from ` + values

const insertNew = `with new as (
  insert into ledger select unnest($1::text[]) on conflict do nothing returning message_id
) ` + insert + ` join new using (message_id)`

type login struct {
	UserID     string  `json:"user_id"`
	DeviceType string  `json:"device_type"`
	IP         string  `json:"ip"`
	DeviceID   string  `json:"device_id"`
	Locale     *string `json:"locale"`
	AppVersion string  `json:"app_version"`
}

type masker struct {
	key    []byte
	prefix string
}

func newMasker(encoded string) (masker, error) {
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return masker{}, fmt.Errorf("the masking key is not base64: %w", err)
	}
	id := sha256.Sum256(key)
	return masker{key, "h1." + base64.RawURLEncoding.EncodeToString(id[:6]) + "."}, nil
}

func (m masker) mask(field, value string) string {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(field + "\x00" + value))
	return m.prefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// version makes an integer that sorts as versions do: 2.3.1 is 2,003,001.
func version(text string) (int32, error) {
	var sum int32
	parts := strings.Split(text, ".")
	for i := range 3 {
		sum *= 1000
		if i < len(parts) {
			part, err := strconv.ParseUint(parts[i], 10, 10)
			if err != nil {
				return 0, err
			}
			sum += int32(part)
		}
	}
	return sum, nil
}

func receive(ctx context.Context, client *sqs.Client, queue string, received chan<- []types.Message) error {
	for {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:                    &queue,
			MaxNumberOfMessages:         perRequest,
			WaitTimeSeconds:             1,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"SentTimestamp"},
		})
		if err != nil || len(out.Messages) == 0 {
			return err
		}
		select {
		case received <- out.Messages:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func load(ctx context.Context, db *pgx.Conn, statement string, m masker, messages []types.Message) error {
	var ids, users, devices, ips, deviceIDs []string
	var locales []*string
	var versions []int32
	var dates []time.Time
	seen := make(map[string]bool, len(messages))
	for _, message := range messages {
		if seen[*message.MessageId] {
			continue
		}
		seen[*message.MessageId] = true
		var l login
		if err := json.Unmarshal([]byte(*message.Body), &l); err != nil {
			return fmt.Errorf("message %s: %w", *message.MessageId, err)
		}
		v, err := version(l.AppVersion)
		if err != nil {
			return fmt.Errorf("message %s: %w", *message.MessageId, err)
		}
		sent, err := strconv.ParseInt(message.Attributes["SentTimestamp"], 10, 64)
		if err != nil {
			return fmt.Errorf("message %s: %w", *message.MessageId, err)
		}
		ids = append(ids, *message.MessageId)
		users = append(users, l.UserID)
		devices = append(devices, l.DeviceType)
		ips = append(ips, m.mask("ip", l.IP))
		deviceIDs = append(deviceIDs, m.mask("device_id", l.DeviceID))
		locales = append(locales, l.Locale)
		versions = append(versions, v)
		dates = append(dates, time.UnixMilli(sent).UTC())
	}
	_, err := db.Exec(ctx, statement, ids, users, devices, ips, deviceIDs, locales, versions, dates)
	return err
}

func remove(ctx context.Context, client *sqs.Client, queue string, messages []types.Message) error {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, message := range messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: message.ReceiptHandle}
	}
	out, err := client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &queue, Entries: entries})
	if err == nil && len(out.Failed) > 0 {
		err = errors.New("delete: " + *out.Failed[0].Code)
	}
	return err
}

func run(ctx context.Context, queue string, ledger bool) error {
	m, err := newMasker(os.Getenv("MASKING_KEY"))
	if err != nil {
		return err
	}
	// By default only ten connections to a host stay open.
	httpClient := awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
		transport.MaxIdleConnsPerHost = receivers + deleters
	})
	awsConfig, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(httpClient))
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(awsConfig)
	db, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	statement := insert
	if ledger {
		statement = insertNew
		if _, err := db.Exec(ctx, createLedger); err != nil {
			return err
		}
	}

	received := make(chan []types.Message, receivers)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		defer close(received)
		receiving, ctx := errgroup.WithContext(ctx)
		for range receivers {
			receiving.Go(func() error { return receive(ctx, client, queue, received) })
		}
		return receiving.Wait()
	})
	work.Go(func() error {
		deleting, ctx := errgroup.WithContext(ctx)
		deleting.SetLimit(deleters)
		for messages := range received {
			for len(messages) < perInsert && len(received) > 0 {
				messages = append(messages, <-received...)
			}
			if err := load(ctx, db, statement, m, messages); err != nil {
				return err
			}
			for start := 0; start < len(messages); start += perRequest {
				chunk := messages[start:min(start+perRequest, len(messages))]
				deleting.Go(func() error { return remove(ctx, client, queue, chunk) })
			}
		}
		return deleting.Wait()
	})
	return work.Wait()
}

func main() {
	noLedger := flag.Bool("no-ledger", false, "load every message that is received, also if it was loaded before")
	flag.Parse()
	if err := run(context.Background(), os.Getenv("QUEUE_URL"), !*noLedger); err != nil {
		log.Fatal(err)
	}
}
