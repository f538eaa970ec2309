package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Profiles store address and key in one file that only the user can read; the environment takes precedence.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	at := *s
	at.env = map[string]string{"XDG_CONFIG_HOME": t.TempDir(), "ROLLCALL_ADMIN_URL": "", "ROLLCALL_ADMIN_TOKEN": ""}
	file := filepath.Join(at.env["XDG_CONFIG_HOME"], "rollcall", "profiles.yaml")
	at.want(3, "provider list", "there is no API key for http://127.0.0.1:8080", "rollcall profile set")
	at.want(2, "profile set home", "there is no key")
	at.want(0, "profile set home --url "+s.AdminURL+" --token-file "+writeFile(t, s.key))
	at.want(0, "provider list", "Demo")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v (%v)", info.Mode(), err)
	}
	typing := at
	typing.typed = "rk_default_typed"
	typing.want(0, "profile set work --url https://rollcall.example", "not shown while typing")
	for _, line := range []string{"profile list", "profile show", "profile show home"} {
		if out := at.want(0, line); strings.Contains(out, s.key) || strings.Contains(out, "rk_") {
			t.Errorf("%s prints the key: %s", line, out)
		}
	}
	at.want(0, "profile list", "* work", "  home")
	at.want(0, "profile show", "ends in yped")
	at.want(0, "provider list --profile home", "Demo")
	at.want(4, "provider list --profile hom", `did you mean "home"?`)
	at.want(0, "profile use home")
	at.want(0, "provider list -o name", "Demo")
	at.want(4, "profile use nowhere")
	at.want(0, "__complete provider list --profile w", "work")
	// The environment takes precedence, and a profile's key is sent only to the profile's address.
	env := at
	env.env = map[string]string{"XDG_CONFIG_HOME": at.env["XDG_CONFIG_HOME"], "ROLLCALL_ADMIN_URL": s.AdminURL,
		"ROLLCALL_ADMIN_TOKEN": "rk_wrong"}
	env.want(3, "provider list", "The server is "+s.AdminURL)
	env.env["ROLLCALL_ADMIN_TOKEN"] = ""
	env.want(0, "provider list")
	env.env["ROLLCALL_ADMIN_URL"] = "https://elsewhere.example"
	env.want(3, "provider list", `the key of profile "home" is for `+s.AdminURL+", not for https://elsewhere.example")
	// A file that other users can read is refused.
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	at.want(3, "provider list", "other users can read the keys in "+file+" (mode 0640)")
	at.want(3, "profile list", "chmod 600")
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	at.want(2, "profile delete work", "--yes")
	at.want(0, "profile delete work -y")
	at.want(0, "profile delete home --yes")
	at.want(3, "provider list", "there is no API key")
	// A file without profiles, and one that is not YAML, whose text is not repeated.
	for content, code := range map[string]int{"profiles:\n": 0, "rk_default_secret": 1} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, out, diags := at.answering(s.key).run("profile set again --url " + s.AdminURL)
		if got != code || strings.Contains(out+diags, "secret") {
			t.Errorf("%q: %d, want %d: %s%s", content, got, code, out, diags)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	env.env["ROLLCALL_ADMIN_TOKEN"] = s.key
	env.want(4, "provider list --profile nowhere", `there is no profile "nowhere"`)
	// A key on standard input.
	at.want(2, "profile set piped --key rk_x", "there is no flag --key")
}
