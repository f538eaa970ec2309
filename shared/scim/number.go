package scim

import (
	"cmp"
	"strconv"
	"strings"
)

// numberLen returns the length in bytes of the JSON number at the start of s (RFC 8259 §6), 0 if there is none.
func numberLen(s string) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	n := digits(s[i:])
	if n == 0 || n > 1 && s[i] == '0' {
		return 0
	}
	i += n
	if i < len(s) && s[i] == '.' {
		if n = digits(s[i+1:]); n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if n = digits(s[i:]); n == 0 {
			return 0
		}
		i += n
	}
	return i
}

// numberIn returns the number that a text is, blanks around it aside, and the text if it is none.
func numberIn(text Value) Value {
	if s := numberText(text.text); s != "" {
		return NumberValue(s)
	}
	return text
}

// numberText returns the number that a text is, "" if it is none.
func numberText(text string) string {
	if s := strings.Trim(text, " \t\r\n"); numberLen(s) == len(s) {
		return s
	}
	return ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// integerText returns a JSON number as it is written without fraction and exponent (RFC 7643 §2.3.4), or "" if it is no
// integer, or one of more than maxIntegerDigits digits that is written with an exponent.
func integerText(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	d := parseDecimal(text)
	switch {
	case d.sign == 0:
		return "0"
	case d.point < len(d.digits) || d.point > maxIntegerDigits:
		return ""
	}
	whole := d.digits + strings.Repeat("0", d.point-len(d.digits))
	if d.sign < 0 {
		return "-" + whole
	}
	return whole
}

const maxIntegerDigits = 100

// compareNumbers compares two JSON numbers by value, exactly, whatever their length and spelling. Exponents too large
// for an int compare as equal.
func compareNumbers(a, b string) int {
	x, y := parseDecimal(a), parseDecimal(b)
	if x.sign != y.sign {
		return cmp.Compare(x.sign, y.sign)
	}
	if x.sign == 0 {
		return 0
	}
	if x.point != y.point {
		return x.sign * cmp.Compare(x.point, y.point)
	}
	return x.sign * strings.Compare(x.digits, y.digits)
}

// decimal is sign * 0.digits * 10^point, digits without zeros at either end.
type decimal struct {
	sign   int
	digits string
	point  int
}

func parseDecimal(s string) decimal {
	d := decimal{sign: 1}
	if strings.HasPrefix(s, "-") {
		d.sign, s = -1, s[1:]
	}
	exponent := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		// For an exponent out of range, Atoi returns the nearest int, which is halved to leave room for the digits.
		n, _ := strconv.Atoi(s[i+1:])
		exponent, s = n/2, s[:i]
		if n > -1<<40 && n < 1<<40 {
			exponent = n
		}
	}
	whole, fraction, _ := strings.Cut(s, ".")
	d.digits = strings.TrimLeft(whole+fraction, "0")
	d.point = exponent + len(whole) - (len(whole) + len(fraction) - len(d.digits))
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	return d
}
