// Command dynamolocal runs DynamoDB Local until it is interrupted (`make dynamodb`), or only fetches it (-fetch).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"rollcall/integration/tools/dynamolocal/server"
)

func main() {
	fetch := flag.Bool("fetch", false, "only fetch and check the files")
	data := flag.String("data", "", "`folder` of the tables; without it they are in memory")
	flag.Parse()
	if err := run(*fetch, *data); err != nil {
		fmt.Fprintln(os.Stderr, "dynamolocal:", err)
		os.Exit(1)
	}
}

func run(fetch bool, data string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if fetch {
		_, err := server.Fetch(ctx, os.Stderr)
		return err
	}
	s, err := server.Start(ctx, data)
	if err != nil {
		return err
	}
	fmt.Println(s.Endpoint)
	fmt.Fprintln(os.Stderr, "DynamoDB Local is ready; press Ctrl-C to stop it.")
	select {
	case <-ctx.Done():
		return s.Close()
	case <-s.Done():
		return fmt.Errorf("the server ended unexpectedly")
	}
}
