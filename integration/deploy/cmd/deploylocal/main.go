// Command deploylocal deploys Rollcall's stacks to an AWS emulator on this machine and keeps the emulator running until
// it is interrupted (`make deploy-local`). The functions must be built for this machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"rollcall/integration/deploy"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` of the service, on this machine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *addr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploylocal:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	origin := "http://" + ln.Addr().String()
	cloud, err := deploy.Start(ctx, ".", "us-east-1", os.Stderr)
	if err != nil {
		return err
	}
	defer func() { _ = cloud.Close() }() // the process is ending
	fmt.Fprintln(os.Stderr, "Deploying RollcallData and Rollcall.")
	if err := cloud.Bootstrap(ctx); err != nil {
		return err
	}
	outputs, _, err := cloud.Deploy(ctx, []string{"origin=" + origin}, "RollcallData", "Rollcall")
	if err != nil {
		return err
	}
	gateway, err := cloud.Gateway(outputs["Rollcall"]["ApiId"], outputs["Rollcall"]["ApiStage"])
	if err != nil {
		return err
	}
	server := &http.Server{Handler: gateway, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	fmt.Fprintf(os.Stderr, "The service is at %s, the AWS emulator at %s. The first administrator's key:\n", origin, cloud.Endpoint)
	key := exec.CommandContext(ctx, "go", "run", "./integration/rollcall", "bootstrap")
	key.Env, key.Stdout, key.Stderr = cloud.Env(), os.Stdout, os.Stderr
	if err := key.Run(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr,
		"To use the rollcall command, set ROLLCALL_ADMIN_URL=%s. To create further tenants, run %q\n"+
			"with any AWS credentials and\n  export AWS_ENDPOINT_URL=%s AWS_REGION=%s\n"+
			"Press Ctrl-C to stop everything; no data is kept.\n",
		origin, outputs["Rollcall"]["OperatorStep"], cloud.Endpoint, cloud.Region)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}
