// Package deploy deploys Rollcall's own stacks, with the CDK command line that administrators use, to ministack, an AWS
// emulator that runs our functions as processes. It is for the deployment test and for `make deploy-local`. What the
// emulator lacks (permissions, the firewall) is tested in infra.
package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"rollcall/integration/tools/pytools"
)

// Cloud is a running emulator, empty at first.
type Cloud struct {
	Endpoint, Region string
	// Arch is the architecture of this machine, for which the functions must be built.
	Arch string

	cdk, dir, out string // the CDK command line; infra's folder; a folder for generated files
	emulator      *exec.Cmd
	log           *os.File
}

// Start starts the emulator for one region. It fetches the emulator and the CDK command line if they are missing. root is
// the repository.
func Start(ctx context.Context, root, region string, progress io.Writer) (*Cloud, error) {
	cdk, err := ensureCDK(ctx, progress)
	if err != nil {
		return nil, err
	}
	python, err := pytools.Ensure(ctx, "ministack", progress)
	if err != nil {
		return nil, fmt.Errorf("ministack: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	out, err := os.MkdirTemp("", "rollcall-deploy")
	if err != nil {
		return nil, fmt.Errorf("create a folder: %w", err)
	}
	c := &Cloud{Endpoint: "http://127.0.0.1:" + port, Region: region, Arch: runtime.GOARCH, cdk: cdk, dir: filepath.Join(root, "infra"),
		out: out}
	if c.log, err = os.Create(filepath.Join(out, "ministack.log")); err != nil { //nolint:gosec // G304: in our own folder
		return nil, fmt.Errorf("create the log: %w", err)
	}
	c.emulator = exec.Command(filepath.Join(filepath.Dir(python), "ministack")) //nolint:gosec // G204: installed from our lock file
	c.emulator.Env = append(c.Env(), "GATEWAY_PORT="+port, "BIND_HOST=127.0.0.1", "MINISTACK_REGION="+region)
	c.emulator.Stdout, c.emulator.Stderr, c.emulator.Dir = c.log, c.log, out
	c.emulator.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the functions are its children, and end with it
	if err := c.emulator.Start(); err != nil {
		return nil, fmt.Errorf("start ministack: %w", err)
	}
	if err := c.ready(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func freePort(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, errors.Join(err, ln.Close())
}

func (c *Cloud) ready(ctx context.Context) error {
	for range 300 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Endpoint+"/_ministack/health", http.NoBody)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("ministack does not answer; its output:\n%s", c.Log())
}

// Dummy credentials: the emulator checks no signature. FIPS 140-3 requires keys of 112 bits or more.
const (
	exampleKey    = "AKIAIOSFODNN7EXAMPLE" //nolint:gosec // G101: the example of AWS's documentation
	exampleSecret = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
)

// Env returns the environment of a process that uses the emulator as AWS.
func (c *Cloud) Env() []string {
	return append(os.Environ(), "AWS_ENDPOINT_URL="+c.Endpoint, "AWS_REGION="+c.Region, "AWS_DEFAULT_REGION="+c.Region,
		"AWS_ACCESS_KEY_ID="+exampleKey, "AWS_SECRET_ACCESS_KEY="+exampleSecret, "AWS_SESSION_TOKEN=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CA_BUNDLE=", "CI=true", "NO_COLOR=1", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
}

// Log returns what the emulator and the functions printed.
func (c *Cloud) Log() string {
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Config returns the configuration of AWS clients for the emulator.
func (c *Cloud) Config() aws.Config {
	return aws.Config{Region: c.Region, BaseEndpoint: &c.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(exampleKey, exampleSecret, "")}
}

// Call calls an operation of a service with a JSON protocol, such as AmazonSQS.CreateQueue, for which we have no client.
func (c *Cloud) Call(ctx context.Context, operation string, in, out any) error {
	header := http.Header{"X-Amz-Target": {operation}, "Content-Type": {"application/x-amz-json-1.1"}}
	if strings.HasPrefix(operation, "AmazonSQS.") {
		header.Set("Content-Type", "application/x-amz-json-1.0")
	}
	return c.post(ctx, "/", header, in, out)
}

// Invoke invokes a function and waits for its result.
func (c *Cloud) Invoke(ctx context.Context, function string, event any) (json.RawMessage, error) {
	var out json.RawMessage
	return out, c.post(ctx, "/2015-03-31/functions/"+url.PathEscape(function)+"/invocations", http.Header{}, event, &out)
}

func (c *Cloud) post(ctx context.Context, path string, header http.Header, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if r.Header = header; header.Get("Authorization") == "" { // the signature is not checked, but the region is used
		r.Header.Set("Authorization",
			"AWS4-HMAC-SHA256 Credential="+exampleKey+"/20260101/"+c.Region+"/x/aws4_request, SignedHeaders=host, Signature=x")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 || answer.Header.Get("X-Amz-Function-Error") != "" {
		return fmt.Errorf("%s %s: %s: %s", path, header.Get("X-Amz-Target"), answer.Status, text)
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, out)
}

// LogLines returns the lines of a log group in the emulator's CloudWatch Logs.
func (c *Cloud) LogLines(ctx context.Context, group string) ([]string, error) {
	var lines []string
	ask := map[string]any{"logGroupName": group}
	for {
		var page struct {
			Events    []struct{ Message string }
			NextToken string
		}
		if err := c.Call(ctx, "Logs_20140328.FilterLogEvents", ask, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			lines = append(lines, e.Message)
		}
		if ask["nextToken"] = page.NextToken; page.NextToken == "" {
			return lines, nil
		}
	}
}

// CDK runs the CDK command line as an administrator does, in the folder of cdk.json, and returns its output.
func (c *Cloud) CDK(ctx context.Context, args ...string) (string, error) {
	args = append(args, "--no-notices", "--output", filepath.Join(c.out, "cdk.out"), "-c", "arch="+c.Arch)
	cmd := exec.CommandContext(ctx, c.cdk, args...) //nolint:gosec // G204: installed from our lock file
	cmd.Dir, cmd.Env = c.dir, c.Env()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("cdk %s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

// Deploy deploys the stacks and returns their outputs by stack and name. settings are key=value, as after -c.
func (c *Cloud) Deploy(
	ctx context.Context, settings []string, stacks ...string,
) (outputs map[string]map[string]string, printed string, err error) {
	file := filepath.Join(c.out, "outputs.json")
	args := append([]string{"deploy", "--require-approval", "never", "--outputs-file", file}, stacks...)
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	if printed, err = c.CDK(ctx, args...); err != nil {
		return nil, printed, err
	}
	text, err := os.ReadFile(file) //nolint:gosec // G304: our own file
	if err != nil {
		return nil, printed, fmt.Errorf("read the outputs: %w", err)
	}
	return outputs, printed, json.Unmarshal(text, &outputs)
}

// Bootstrap creates the resources that CDK needs in an account.
func (c *Cloud) Bootstrap(ctx context.Context) error {
	_, err := c.CDK(ctx, "bootstrap", "aws://000000000000/"+c.Region)
	return err
}

// Gateway returns a handler that forwards requests to the public URL of an API of the emulator.
func (c *Cloud) Gateway(api, stage string) (http.Handler, error) {
	target, err := url.Parse(c.Endpoint + "/restapis/" + api + "/" + stage + "/_user_request_")
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		// The emulator closes a connection after 1,000 requests.
		Transport: &http.Transport{DisableKeepAlives: true},
	}, nil
}

// Close ends the emulator and the functions, and removes the generated files.
func (c *Cloud) Close() error {
	err := syscall.Kill(-c.emulator.Process.Pid, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		_ = c.emulator.Wait() // ended by us
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		err = syscall.Kill(-c.emulator.Process.Pid, syscall.SIGKILL)
		<-done
	}
	if errors.Is(err, syscall.ESRCH) {
		err = nil
	}
	return errors.Join(err, c.log.Close(), os.RemoveAll(c.out))
}
