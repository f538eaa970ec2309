package adminapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"rollcall/shared/app"
)

// TestSampleEvents: each sample event of the function admin decodes strictly, and the adapter for API Gateway answers
// it as the local server would.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	files, err := filepath.Glob("../../events/admin.*.json")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"admin.create-provider.json": 201, "admin.pause-provider.json": 200, "admin.search-users.json": 200}
	for _, file := range files {
		if filepath.Base(file) == "admin.bootstrap.json" {
			continue // no request: integration/rollcall sends it
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e events.APIGatewayProxyRequest
		d := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(data, []byte("default0a1b2"), []byte(w.provider))))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		e.MultiValueHeaders["Authorization"] = []string{"Bearer " + f.key}
		got, err := app.Gateway(f.h)(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if got.StatusCode != want[name] {
			t.Errorf("%s: status %d, want %d: %s", name, got.StatusCode, want[name], got.Body)
		}
		delete(want, name)
		answer := reply{t: t, status: got.StatusCode, header: http.Header(got.MultiValueHeaders), raw: got.Body}
		if err := json.Unmarshal([]byte(got.Body), &answer.body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checkAnswer(t, e.HTTPMethod, e.Path, answer)
	}
	if len(want) > 0 {
		t.Errorf("no sample for %v", want)
	}
	if n := strings.Count(f.want(200, "GET", "/providers", "").raw, `"Contoso Entra ID"`); n != 1 {
		t.Errorf("%d providers were created", n)
	}
}
