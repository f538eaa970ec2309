package integration_test

import (
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/adminapi"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/random"
)

// People of a directory are placed on hold by a table and are in the exports, on every store; a table with an error
// changes nothing.
func TestTablesOfCustodiansAndLeavers(t *testing.T) {
	journeys(t, func(j journey) {
		h := adminapi.Handler(j.s.Service.Administration, adminapi.Options{Origin: stack.Origin, NewID: random.ID})
		_, key, err := j.s.Service.As(j.s.Admin).APIKeys.Create(j.Context(),
			administration.NewAPIKey{DisplayName: "Holds", Role: directory.RoleLegalHold})
		if err != nil {
			j.Fatal(err)
		}
		send := func(method, path, body string) (int, string) {
			r := httptest.NewRequest(method, stack.Origin+"/api/v1"+path, strings.NewReader(body))
			r.Header.Set("Content-Type", "text/csv")
			r.Header.Set("Authorization", "Bearer "+key)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code, w.Body.String()
		}
		column := func(path, title string) (out []string) {
			j.Helper()
			status, body := send("GET", path, "")
			rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
			if status != http.StatusOK || err != nil {
				j.Fatalf("%s: %d, %v: %s", path, status, err, body)
			}
			i := slices.Index(rows[0], title)
			for _, row := range rows[1:] {
				out = append(out, row[i])
			}
			slices.Sort(out)
			return out
		}
		for i, name := range []string{"ann", "bob", "cat"} {
			u := j.join(name, i)
			if name != "cat" {
				j.active(u.id(), false)
			}
		}
		j.pass(time.Second)
		m, err := j.s.Service.As(j.s.Admin).LegalHolds.Create(j.Context(), "Case", "")
		if err != nil {
			j.Fatal(err)
		}
		path := "/legal-holds/" + string(m.ID) + "/custodians"
		status, body := send("POST", path+":import", "userName\nann\nzoe\n")
		if on := column(path+":export", "userName"); status != http.StatusBadRequest || !strings.Contains(body, "line 3") || len(on) > 0 {
			j.Errorf("a table with an error: %d %s, on hold %v", status, body, on)
		}
		if status, body := send("POST", path+":import", "userName\nann\nCAT\n"); status != http.StatusOK {
			j.Errorf("a table: %d %s", status, body)
		}
		j.pass(time.Second)
		for what, got := range map[string][]string{
			"custodians ann cat": column(path+":export", "userName"), "pending ann bob": column("/pending-deactivations:export", "userName"),
			"held ann": column("/pending-deactivations:export?gate=hold", "userName"),
		} {
			if _, want, _ := strings.Cut(what, " "); strings.Join(got, " ") != want {
				j.Errorf("%s: %v", what, got)
			}
		}
	})
}
