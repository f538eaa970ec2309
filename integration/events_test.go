package integration_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"rollcall/integration/stack"
	"rollcall/shared/app"
	"rollcall/shared/scimapi"
)

// Each sample event of API Gateway decodes strictly and is answered by its function as the name says.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	o := scimapi.Options{Origin: stack.Origin}
	handlers := map[string]http.Handler{
		"users": scimapi.Users(s.Service, o), "groups": scimapi.Groups(s.Service, o),
		"discovery": scimapi.Discovery(s.Service, o), "bulk": scimapi.Bulk(s.Service, o),
	}
	want := map[string]int{"users.create": 201, "users.match": 200, "groups.create": 201, "discovery.schemas": 200, "bulk": 200}
	files, err := filepath.Glob("../events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		function, _, _ := strings.Cut(name, ".")
		h, ok := handlers[function]
		if !ok {
			continue // another kind of event: its function's own test decodes it
		}
		var e events.APIGatewayProxyRequest
		decodeStrictly(t, file, &e)
		e.Path = strings.Replace(e.Path, "default0a1b2", string(s.Provider.ID), 1)
		e.MultiValueHeaders["Authorization"] = []string{"Bearer " + s.Token}
		a, err := app.Gateway(app.Middleware(h, app.NewLog(&bytes.Buffer{}), function, scimapi.Panicked))(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if a.StatusCode != want[name] {
			t.Errorf("%s: status %d, want %d: %s", name, a.StatusCode, want[name], a.Body)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no sample for %v", want)
	}
}

func decodeStrictly(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}
