package scim

import (
	"strings"
	"unicode/utf8"
)

// ParseFilter parses a filter for this resource type. Errors are *Error 400 invalidFilter: grammar, unknown attributes
// and operators, operators that do not fit the attribute, and text over MaxFilterBytes, MaxFilterDepth or
// MaxFilterTerms. Names and operators are compared without case (C1).
func (rt *ResourceType) ParseFilter(text string, t Tolerance) (Filter, error) {
	types := []*ResourceType{rt}
	root, err := parseFilter(text, t, types, false)
	return Filter{root, types}, err
}

// ParseRootFilter parses a filter for resources of several types (RFC 7644 §3.4.3). An attribute a type does not have
// counts as unassigned there.
func ParseRootFilter(text string, t Tolerance, types ...*ResourceType) (Filter, error) {
	root, err := parseFilter(text, t, types, true)
	return Filter{root, types}, err
}

func parseFilter(text string, t Tolerance, types []*ResourceType, anyAttribute bool) (*node, error) {
	p := filterParser{s: text, types: types, t: t, anyAttribute: anyAttribute}
	root, err := p.filter()
	if err != nil {
		return nil, err
	}
	return &root, nil
}

// filterParser reads the grammar of RFC 7644 figure 1 by recursive descent, resolving attributes as it goes.
type filterParser struct {
	s            string
	i            int
	types        []*ResourceType
	t            Tolerance
	anyAttribute bool         // an unknown attribute is no error
	inside       bool         // inside [ ]
	within       []*attribute // the attribute before [ for each type
	depth, terms int
}

func (p *filterParser) filter() (node, error) {
	if len(p.s) > MaxFilterBytes {
		return node{}, badFilter("the filter is longer than %d bytes", MaxFilterBytes)
	}
	if !utf8.ValidString(p.s) {
		return node{}, badFilter("the filter is not UTF-8")
	}
	p.optionalBlanks()
	if p.i == len(p.s) {
		return node{}, badFilter("the filter is empty")
	}
	n, err := p.or()
	if err != nil {
		return node{}, err
	}
	if p.optionalBlanks(); p.i < len(p.s) {
		return node{}, p.fail("`and`, `or` or the end is expected")
	}
	return n, nil
}

func (p *filterParser) fail(problem string) error {
	return badFilter("the filter cannot be read at byte %d: %s", p.i, problem)
}

func (p *filterParser) optionalBlanks() {
	for p.t.LooseBlanks && p.i < len(p.s) && isBlank(p.s[p.i]) {
		p.i++
	}
}

// blank consumes the separator of two words: one space, or any blanks if tolerated.
func (p *filterParser) blank() bool {
	if p.t.LooseBlanks {
		p.optionalBlanks()
		return true
	}
	if p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
		return true
	}
	return false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (p *filterParser) or() (node, error) { return p.chain(opOr, p.and) }

func (p *filterParser) and() (node, error) { return p.chain(opAnd, p.factor) }

// chain reads operands joined by one keyword into one node. Nested nodes of the same kind are flattened: `and` and `or`
// are associative, and the printed form then needs no parentheses for them.
func (p *filterParser) chain(op nodeOp, operand func() (node, error)) (node, error) {
	n, err := operand()
	if err != nil || !p.keyword(opNames[op]) {
		return n, err
	}
	out := node{op: op}
	for {
		out.adopt(n)
		if n, err = operand(); err != nil {
			return node{}, err
		}
		if !p.keyword(opNames[op]) {
			out.adopt(n)
			return out, nil
		}
	}
}

func (n *node) adopt(kid node) {
	if kid.op == n.op {
		n.kids = append(n.kids, kid.kids...)
	} else {
		n.kids = append(n.kids, kid)
	}
}

// keyword consumes blank, word, blank, or nothing.
func (p *filterParser) keyword(word string) bool {
	start := p.i
	if p.blank() && hasNamePrefix(p.s[p.i:], word) {
		p.i += len(word)
		if p.i < len(p.s) && (isBlank(p.s[p.i]) || p.t.LooseBlanks && p.s[p.i] == '(') && p.blank() {
			return true
		}
	}
	p.i = start
	return false
}

func (p *filterParser) factor() (node, error) {
	if p.i < len(p.s) && p.s[p.i] == '(' {
		return p.group()
	}
	if rest := p.s[p.i:]; hasNamePrefix(rest, "not") && strings.HasPrefix(strings.TrimLeft(rest[3:], " \t\r\n"), "(") {
		p.i += 3
		if p.s[p.i] == ' ' {
			p.i++
		}
		p.optionalBlanks()
		if p.s[p.i] != '(' {
			return node{}, p.fail("a parenthesis is expected after `not`")
		}
		n, err := p.group()
		return node{op: opNot, kids: []node{n}}, err
	}
	return p.expression()
}

func (p *filterParser) group() (node, error) {
	p.i++
	return p.nested(')')
}

// nested reads a filter up to the closing bracket.
func (p *filterParser) nested(closing byte) (node, error) {
	if p.depth++; p.depth > MaxFilterDepth {
		return node{}, badFilter("the filter is nested deeper than %d levels", MaxFilterDepth)
	}
	p.optionalBlanks()
	n, err := p.or()
	if err != nil {
		return node{}, err
	}
	p.optionalBlanks()
	if p.i >= len(p.s) || p.s[p.i] != closing {
		return node{}, p.fail("`" + string(closing) + "` is expected")
	}
	p.i++
	p.depth--
	return n, nil
}

// word reads up to a blank, a bracket or a quote.
func (p *filterParser) word() string {
	start := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case isBlank(c), c == '(', c == ')', c == '[', c == ']', c == '"':
			return p.s[start:p.i]
		}
		p.i++
	}
	return p.s[start:]
}

func (p *filterParser) expression() (node, error) {
	n := node{inner: p.inside}
	name := p.word()
	if name == "" {
		return n, p.fail("an attribute is expected")
	}
	if err := p.resolve(&n, name); err != nil {
		return n, err
	}
	if p.i < len(p.s) && p.s[p.i] == '[' {
		return p.element(n)
	}
	return p.comparison(n)
}

// element reads [filter] after the attribute of n, and the comparison of a sub-attribute if one follows.
func (p *filterParser) element(n node) (node, error) {
	if p.inside {
		return n, p.fail("brackets cannot be nested")
	}
	if err := p.enter(&n); err != nil {
		return n, err
	}
	p.i++
	kid, err := p.nested(']')
	if err != nil {
		return n, err
	}
	n.op, n.kids = opElement, []node{kid}
	if p.i >= len(p.s) || p.s[p.i] != '.' || !p.t.ElementComparison {
		p.inside, p.within = false, nil
		return n, nil
	}
	p.i++
	sub := node{inner: true}
	if err := p.resolve(&sub, p.word()); err != nil {
		return n, err
	}
	sub, err = p.comparison(sub)
	p.inside, p.within = false, nil
	return elementComparison(n, sub), err
}

// enter checks that the attribute of n has elements to filter.
func (p *filterParser) enter(n *node) error {
	p.within = p.within[:0]
	for i := range p.types {
		a := n.term(i).attr
		if a != nil && (a.parent != nil || a.never || a.kind != Object && !a.MultiValued) {
			return badFilter("%s has no elements to filter", a.path)
		}
		p.within = append(p.within, a)
	}
	p.inside = true
	return nil
}

// elementComparison rewrites attr[filter].sub op value in the grammar of the RFC: the values of sub in the matching
// elements are compared, and sub is unassigned if there are none.
func elementComparison(element, sub node) node {
	with := func(kid node) node {
		out, inner := element, element.kids[0]
		if inner.op == opAnd {
			kid = node{op: opAnd, kids: append(append([]node{}, inner.kids...), kid)}
		} else {
			kid = node{op: opAnd, kids: []node{inner, kid}}
		}
		out.kids = []node{kid}
		return out
	}
	if sub.op != opEq && sub.op != opNe || sub.op == opEq && !sub.literal.IsNull() {
		return with(sub)
	}
	present := sub
	present.op, present.literal = opPresent, Value{}
	assigned := with(present)
	unassigned := node{op: opNot, kids: []node{assigned}}
	switch {
	case sub.op == opEq:
		return unassigned
	case sub.literal.IsNull():
		return assigned
	}
	return node{op: opOr, kids: []node{with(sub), unassigned}}
}

// comparison reads the operator and the literal after the attribute of n.
func (p *filterParser) comparison(n node) (node, error) {
	if p.terms++; p.terms > MaxFilterTerms {
		return n, badFilter("the filter has more than %d terms", MaxFilterTerms)
	}
	if !p.blank() {
		return n, p.fail("an operator is expected")
	}
	word := p.word()
	op, ok := operator(word)
	if !ok {
		return n, badFilter("%s is not an operator", shown(word))
	}
	n.op = op
	if op != opPresent {
		if !p.blank() {
			return n, p.fail("a value is expected")
		}
		var err error
		if n.literal, err = p.literal(); err != nil {
			return n, err
		}
	}
	return n, p.check(&n)
}

func operator(word string) (nodeOp, bool) {
	if len(word) == 2 {
		for op := opPresent; op <= opLe; op++ {
			if sameName(word, opNames[op]) {
				return op, true
			}
		}
	}
	return 0, false
}

func (p *filterParser) literal() (Value, error) {
	if p.i < len(p.s) && p.s[p.i] == '"' {
		j := parser{s: p.s, i: p.i}
		s, err := j.str()
		if err != nil {
			return Value{}, p.fail("the string is not JSON")
		}
		p.i = j.i
		return StringValue(s), nil
	}
	word := p.word()
	switch {
	case word == "true", word == "false":
		return BoolValue(word == "true"), nil
	case word == "null":
		return Value{}, nil
	case word == "":
		return Value{}, p.fail("a value is expected")
	case numberLen(word) == len(word):
		return NumberValue(word), nil
	case !p.t.BareWords || word[0] == '\'' || p.i < len(p.s) && (p.s[p.i] == '"' || p.s[p.i] == '(' || p.s[p.i] == '['):
		return Value{}, p.fail("a value is a JSON string in double quotes, a number, true, false or null")
	}
	return StringValue(word), nil
}

func (n *node) term(i int) *term {
	if i <= 0 {
		return &n.first
	}
	return &n.more[i-1]
}
