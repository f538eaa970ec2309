package directory_test

import (
	"encoding/json"
	"reflect"
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
