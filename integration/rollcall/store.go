package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/sqlite"
)

// openStore opens the store the flags name; the function returned closes it.
func openStore(ctx context.Context, f serveFlags) (directory.Ports, func(), error) {
	switch f.store {
	case "sqlite":
		s, err := sqlite.Open(f.data)
		if err != nil {
			return directory.Ports{}, nil, err
		}
		return s.Ports(), func() { _ = s.Close() }, nil
	case "dynamodb":
		s, err := openDynamo(ctx, f.table)
		if err != nil {
			return directory.Ports{}, nil, err
		}
		return s.Ports(), func() {}, nil
	}
	return directory.Ports{}, nil, fmt.Errorf("-store must be sqlite or dynamodb, not %q", f.store)
}

func openDynamo(ctx context.Context, table string) (*dynamo.Store, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	local := cfg.BaseEndpoint != nil
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = local })
	if local {
		if err := dynamo.CreateTable(ctx, client, table); err != nil {
			return nil, err
		}
	}
	return dynamo.Open(ctx, dynamo.Config{Client: client, Streams: dynamodbstreams.NewFromConfig(cfg), Table: table})
}
