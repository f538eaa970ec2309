package follow

import "slices"

// StepsBesideNeeded returns the steps that run at the same time as one that they need.
func StepsBesideNeeded() (out []string) {
	var beside []string
	for _, st := range steps() {
		if !st.beside {
			beside = nil
		}
		if slices.ContainsFunc(st.needs, func(name string) bool { return slices.Contains(beside, name) }) {
			out = append(out, st.name)
		}
		beside = append(beside, st.name)
	}
	return out
}
