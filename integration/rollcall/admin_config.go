package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"go.yaml.in/yaml/v3"
)

func configVerbs() []adminVerb {
	file := adminFlag{name: "file", member: "file", usage: "`file` with the configuration, YAML or JSON; - for standard input", required: true}
	confirm := adminFlag{name: "confirm-privileged", member: "confirmPrivileged", usage: "`true` if privileged roles may be mapped", kind: boolFlag}
	return []adminVerb{
		{name: "export", summary: "print organizations, roles and mappings as YAML, without secrets", method: http.MethodGet, path: "/config", do: exportConfig},
		{name: "plan", summary: "say what a configuration would change", method: http.MethodPost, path: "/config:plan", flags: []adminFlag{file, confirm}, do: sendConfig},
		{name: "apply", summary: "bring the tenant to a configuration", method: http.MethodPost, path: "/config:apply", flags: []adminFlag{file, confirm}, do: sendConfig},
	}
}

func exportConfig(ctx context.Context, c *adminCall, client *adminClient) error {
	config, err := client.send(ctx, http.MethodGet, c.verb.path, nil, nil)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(config)
	}
	out := yaml.NewEncoder(c.stdout)
	out.SetIndent(2)
	if err := out.Encode(config); err != nil {
		return err
	}
	return out.Close()
}

// sendConfig sends a configuration and prints the differences as a diff does.
func sendConfig(ctx context.Context, c *adminCall, client *adminClient) error {
	text, err := readFile(c.given["file"])
	if err != nil {
		return err
	}
	var config map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&config); err != nil || config == nil { // JSON is YAML
		return adminErrorf(exitUsage, "%s is no configuration: %v", c.given["file"], err)
	}
	if c.given["confirm-privileged"] == "true" {
		config["confirmPrivileged"] = true
	}
	query := url.Values{}
	if c.dry {
		query.Set("dryRun", "true")
	}
	plan, err := client.send(ctx, http.MethodPost, c.verb.path, query, config)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(plan)
	}
	changes := list(plan, "changes")
	for _, l := range changes {
		fmt.Fprintf(c.stdout, "%s %s\n", member(l, "sign"), member(l, "text"))
	}
	fmt.Fprintf(c.diags, "%d changes.\n", len(changes))
	return nil
}

func readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name) //nolint:gosec // G304: the user names the file
}
