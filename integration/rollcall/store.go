package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"rollcall/shared/directory"
	"rollcall/shared/keys"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/workflow"
)

// outside returns the external services of a local service: webhooks, which may be on this machine if the service takes
// requests from this machine only, and keys in a file next to the database, or in memory for a database in memory.
func outside(f serveFlags) (directory.External, error) {
	path := f.keys
	if path == "" && (f.store != "sqlite" || f.data != sqlite.Memory) {
		path = f.data + ".key"
	}
	k, err := keys.NewLocal()
	if path != "" {
		k, err = keys.OpenFile(path)
	}
	return directory.External{
		Bus: &workflow.LocalBus{}, Sender: workflow.NewWebhooks(workflow.WebhookConfig{Loopback: !f.allowRemote}), Secrets: k, Signer: k,
	}, err
}

// openStore opens the store of the flags; the returned function closes it.
func (p *program) openStore(ctx context.Context, f serveFlags) (directory.Ports, func(), error) {
	switch f.store {
	case "sqlite":
		s, err := sqlite.Open(f.data, time.Now)
		if err != nil {
			return directory.Ports{}, nil, err
		}
		if s.Unreleased {
			fmt.Fprintf(p.stderr, "%s was created before release 0.1.0. Its tables have been updated, and older builds no longer work with "+
				"it. There is nothing to do.\n", f.data)
		}
		return s.Ports(), func() { _ = s.Close() }, nil
	case "dynamodb":
		s, err := openDynamo(ctx, f.table, f.retention, true)
		if err != nil {
			return directory.Ports{}, nil, err
		}
		return s.Ports(), func() {}, nil
	}
	return directory.Ports{}, nil, usagef("--store must be sqlite or dynamodb, not %q", f.store)
}

// openDynamo opens the store on a table, which it creates, if it may, on this machine.
func openDynamo(ctx context.Context, table string, retention time.Duration, create bool) (*dynamo.Store, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = ofThisMachine(o.BaseEndpoint) })
	if create && ofThisMachine(client.Options().BaseEndpoint) {
		if err := dynamo.CreateTable(ctx, client, table); err != nil {
			return nil, err
		}
	}
	return dynamo.Open(ctx,
		dynamo.Config{Now: time.Now, Client: client, Streams: dynamodbstreams.NewFromConfig(cfg), Table: table, LogRetention: retention})
}

// openForFsck opens a store that exists, without changing it; the returned function closes it.
func (p *program) openForFsck(ctx context.Context, f serveFlags, repair bool) (directory.Ports, func(), error) {
	switch f.store {
	case "sqlite":
		if _, err := os.Stat(f.data); errors.Is(err, fs.ErrNotExist) {
			return directory.Ports{}, nil, usagef("there is no file %s; name the database with --data", f.data)
		}
		s, err := sqlite.Inspect(f.data, p.now, repair)
		if err != nil {
			return directory.Ports{}, nil, failf(exitNoAccess, "%v", err)
		}
		return s.Ports(), func() { _ = s.Close() }, nil
	case "dynamodb":
		s, err := openDynamo(ctx, f.table, f.retention, false)
		if err != nil {
			return directory.Ports{}, nil, failf(exitNoAccess, "%v", err)
		}
		return s.Ports(), func() {}, nil
	}
	return directory.Ports{}, nil, usagef("--store must be sqlite or dynamodb, not %q", f.store)
}

// ofThisMachine reports whether an endpoint is a loopback address: a table there is ours to create, and any other
// endpoint may be a deployment's.
func ofThisMachine(endpoint *string) bool {
	if endpoint == nil {
		return false
	}
	u, err := url.Parse(*endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
