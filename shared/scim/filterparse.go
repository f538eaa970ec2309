package scim

import (
	"strings"
	"unicode/utf8"
)

// ParseFilter parses a filter for this resource type. Errors are *Error 400 invalidFilter: grammar, unknown attributes
// and operators, operators that do not fit the attribute, and text over MaxFilterBytes, MaxFilterDepth or
// MaxFilterTerms. Names and operators are compared without case (C1).
func (rt *ResourceType) ParseFilter(text string, t Tolerance) (Filter, error) {
	p, root := filterParser{s: text, types: rt.alone, t: t}, &node{}
	if err := p.filter(root); err != nil {
		return Filter{types: rt.alone}, err
	}
	return Filter{root, rt.alone}, nil
}

// ParseRootFilter parses a filter for resources of several types (RFC 7644 §3.4.3). An attribute a type does not have
// counts as unassigned there.
func ParseRootFilter(text string, t Tolerance, types ...*ResourceType) (Filter, error) {
	p, root := filterParser{s: text, types: types, t: t, anyAttribute: true}, &node{}
	if err := p.filter(root); err != nil {
		return Filter{types: types}, err
	}
	return Filter{root, types}, nil
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

// filter reads the whole text into n. The functions below read a part of it into a zero node; after an error the node is
// of no use.
func (p *filterParser) filter(n *node) error {
	if len(p.s) > MaxFilterBytes {
		return badFilter("the filter is longer than %d bytes", MaxFilterBytes)
	}
	if !utf8.ValidString(p.s) {
		return badFilter("the filter is not UTF-8")
	}
	p.optionalBlanks()
	if p.i == len(p.s) {
		return badFilter("the filter is empty")
	}
	if err := p.or(n); err != nil {
		return err
	}
	if p.optionalBlanks(); p.i < len(p.s) {
		return p.fail("`and`, `or` or the end is expected")
	}
	return nil
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

func (p *filterParser) or(n *node) error { return p.chain(n, opOr) }

// chain reads operands joined by one keyword into one node. Nested nodes of the same kind are flattened: `and` and `or`
// are associative, and the printed form then needs no parentheses for them.
func (p *filterParser) chain(n *node, op nodeOp) error {
	if err := p.operandOf(n, op); err != nil || !p.keyword(opNames[op]) {
		return err
	}
	out := node{op: op, kids: make([]node, 0, 2)}
	for more := true; more; more = p.keyword(opNames[op]) {
		out.adopt(n)
		*n = node{}
		if err := p.operandOf(n, op); err != nil {
			return err
		}
	}
	out.adopt(n)
	*n = out
	return nil
}

// operandOf reads what `and` or `or` joins.
func (p *filterParser) operandOf(n *node, op nodeOp) error {
	if op == opOr {
		return p.chain(n, opAnd)
	}
	return p.factor(n)
}

func (n *node) adopt(kid *node) {
	if kid.op == n.op {
		n.kids = append(n.kids, kid.kids...)
	} else {
		n.kids = append(n.kids, *kid)
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

func (p *filterParser) factor(n *node) error {
	if p.i < len(p.s) && p.s[p.i] == '(' {
		return p.group(n)
	}
	if rest := p.s[p.i:]; hasNamePrefix(rest, "not") && strings.HasPrefix(strings.TrimLeft(rest[3:], " \t\r\n"), "(") {
		p.i += 3
		if p.s[p.i] == ' ' {
			p.i++
		}
		p.optionalBlanks()
		if p.s[p.i] != '(' {
			return p.fail("a parenthesis is expected after `not`")
		}
		n.op, n.kids = opNot, make([]node, 1)
		return p.group(&n.kids[0])
	}
	return p.expression(n)
}

func (p *filterParser) group(n *node) error {
	p.i++
	return p.nested(n, ')')
}

// nested reads a filter up to the closing bracket.
func (p *filterParser) nested(n *node, closing byte) error {
	if p.depth++; p.depth > MaxFilterDepth {
		return badFilter("the filter is nested deeper than %d levels", MaxFilterDepth)
	}
	p.optionalBlanks()
	if err := p.or(n); err != nil {
		return err
	}
	p.optionalBlanks()
	if p.i >= len(p.s) || p.s[p.i] != closing {
		return p.fail("`" + string(closing) + "` is expected")
	}
	p.i++
	p.depth--
	return nil
}

// word reads up to a blank, a bracket or a quote.
func (p *filterParser) word() string {
	start := p.i
	i := start
	for i < len(p.s) && !endsWord[p.s[i]] {
		i++
	}
	p.i = i
	return p.s[start:i]
}

var endsWord = [256]bool{' ': true, '\t': true, '\n': true, '\r': true, '(': true, ')': true, '[': true, ']': true, '"': true}

func (p *filterParser) expression(n *node) error {
	n.inner = p.inside
	name := p.word()
	if name == "" {
		return p.fail("an attribute is expected")
	}
	if err := p.resolve(n, name); err != nil {
		return err
	}
	if p.i < len(p.s) && p.s[p.i] == '[' {
		return p.element(n)
	}
	return p.comparison(n)
}

// element reads [filter] after the attribute of n, and the comparison of a sub-attribute if one follows.
func (p *filterParser) element(n *node) error {
	if p.inside {
		return p.fail("brackets cannot be nested")
	}
	if err := p.enter(n); err != nil {
		return err
	}
	p.i++
	n.op, n.kids = opElement, make([]node, 1)
	if err := p.nested(&n.kids[0], ']'); err != nil {
		return err
	}
	if p.i >= len(p.s) || p.s[p.i] != '.' || !p.t.ElementComparison {
		p.inside, p.within = false, nil
		return nil
	}
	p.i++
	sub := node{inner: true}
	if err := p.resolve(&sub, p.word()); err != nil {
		return err
	}
	err := p.comparison(&sub)
	p.inside, p.within = false, nil
	*n = elementComparison(*n, sub)
	return err
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
	if sub.op != opEq && sub.op != opNe || sub.op == opEq && !sub.literal.isNull() {
		return with(sub)
	}
	present := sub
	present.op, present.literal = opPresent, literal{}
	assigned := with(present)
	unassigned := node{op: opNot, kids: []node{assigned}}
	switch {
	case sub.op == opEq:
		return unassigned
	case sub.literal.isNull():
		return assigned
	}
	return node{op: opOr, kids: []node{with(sub), unassigned}}
}

// comparison reads the operator and the literal after the attribute of n.
func (p *filterParser) comparison(n *node) error {
	if p.terms++; p.terms > MaxFilterTerms {
		return badFilter("the filter has more than %d terms", MaxFilterTerms)
	}
	if !p.blank() {
		return p.fail("an operator is expected")
	}
	word := p.word()
	op, ok := operator(word)
	if !ok {
		return badFilter("%s is not an operator", shown(word))
	}
	n.op = op
	if op != opPresent {
		if !p.blank() {
			return p.fail("a value is expected")
		}
		var err error
		if n.literal, err = p.literal(); err != nil {
			return err
		}
	}
	return p.check(n)
}

func operator(word string) (nodeOp, bool) {
	if len(word) == 2 {
		x, y := lowerByte(word[0]), lowerByte(word[1])
		for op := opPresent; op <= opLe; op++ {
			if name := opNames[op]; name[0] == x && name[1] == y {
				return op, true
			}
		}
	}
	return 0, false
}

func (p *filterParser) literal() (literal, error) {
	if p.i < len(p.s) && p.s[p.i] == '"' {
		if end := plainEnd(p.s, p.i+1); end > 0 {
			text := p.s[p.i+1 : end]
			p.i = end + 1
			return literal{kind: String, text: text}, nil
		}
		j := parser{s: p.s, i: p.i}
		s, err := j.str()
		if err != nil {
			return literal{}, p.fail("the string is not JSON")
		}
		p.i = j.i
		return literal{kind: String, text: s}, nil
	}
	word := p.word()
	switch {
	case word == "true", word == "false":
		return literal{kind: Bool, yes: word == "true"}, nil
	case word == "null":
		return literal{}, nil
	case word == "":
		return literal{}, p.fail("a value is expected")
	case numberLen(word) == len(word):
		return literal{kind: Number, text: word}, nil
	case !p.t.BareWords || word[0] == '\'' || p.i < len(p.s) && (p.s[p.i] == '"' || p.s[p.i] == '(' || p.s[p.i] == '['):
		return literal{}, p.fail("a value is a JSON string in double quotes, a number, true, false or null")
	}
	return literal{kind: String, text: word}, nil
}

// plainEnd returns the index of the quote that ends a string without escapes, 0 if there is none.
func plainEnd(s string, i int) int {
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' {
			return i
		} else if c == '\\' || c < 0x20 {
			return 0
		}
	}
	return 0
}

func (n *node) term(i int) *term {
	if i <= 0 {
		return &n.first
	}
	return &(*n.more)[i-1]
}
