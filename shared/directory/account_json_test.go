package directory_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/shared/directory"
)

// AppendJSON writes what encoding/json reads back as the same account, whatever fields it gets.
func TestAccountJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want, got directory.Account
		fill(t, reflect.ValueOf(&want).Elem())
		data := want.AppendJSON([]byte("x"))
		if err := json.Unmarshal(data[1:], &got); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got)\n%s\n%s", d, data)
		}
	})
}

// An account of which anything is kept is not zero: a store leaves out those that are.
func TestAccountIsZero(t *testing.T) {
	t.Parallel()
	if !(directory.Account{}).IsZero() {
		t.Error("the zero account is not zero")
	}
	ofAnother := []string{"OrgGroup", "OrgConfig"} // nothing without OrgID
	for _, f := range reflect.VisibleFields(reflect.TypeFor[directory.Account]()) {
		var a directory.Account
		v := reflect.ValueOf(&a).Elem().FieldByIndex(f.Index)
		switch _, date := v.Interface().(time.Time); {
		case date:
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
		case v.Kind() == reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case v.Kind() == reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case v.Kind() == reflect.String:
			v.SetString("x")
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.Kind() == reflect.Int64:
			v.SetInt(1)
		default:
			t.Fatalf("no value for %s", v.Type())
		}
		if a.IsZero() != slices.Contains(ofAnother, f.Name) {
			t.Errorf("IsZero is %t for an account with %s alone", a.IsZero(), f.Name)
		}
	}
}

// fill gives v and all it holds values, some of them zero.
func fill(t *rapid.T, v reflect.Value) {
	if _, ok := v.Interface().(time.Time); ok {
		if n := rapid.Int64Range(0, 2e18).Draw(t, "time"); n > 0 {
			v.Set(reflect.ValueOf(time.Unix(0, n).UTC()))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "given") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			fill(t, v.Index(v.Len()-1))
		}
	case reflect.String:
		v.SetString(rapid.StringOf(rapid.SampledFrom([]rune("ab\"\\\n\x01,{}ü𝄞"))).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Int64:
		v.SetInt(rapid.Int64Range(0, 99).Draw(t, "number"))
	default:
		t.Fatalf("no values for %s", v.Type())
	}
}
