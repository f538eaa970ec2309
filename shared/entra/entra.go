// Package entra is the dialect of Microsoft Entra ID and nothing else: what a provider profile accepts beyond the RFC,
// as one list of named rules, each with its source and its test. shared/scim does the work; this package says when.
package entra

import "rollcall/shared/scim"

// Profile names the client a provider is configured for.
type Profile string

// The profiles a provider may have.
const (
	Entra    Profile = "entra"
	EntraGov Profile = "entra-gov"
	Okta     Profile = "okta"
	Generic  Profile = "generic"
)

// Profiles returns all profiles, in the order to offer them.
func Profiles() []Profile { return []Profile{Entra, EntraGov, Okta, Generic} }

// Valid reports whether p is one of Profiles.
func (p Profile) Valid() bool { return p == Entra || p == EntraGov || p == Okta || p == Generic }

// GroupPatchNoContent reports whether PATCH of a group answers 204 without a body (contract C15).
func (p Profile) GroupPatchNoContent() bool { return p == Entra || p == EntraGov }

// Tolerance returns what the profile accepts beyond the RFC. An unknown profile gets the RFC.
func (p Profile) Tolerance() scim.Tolerance {
	if !p.Valid() {
		return scim.Tolerance{}
	}
	return scim.Tolerance{
		BoolText: true, BareComplexValue: true, SingleElementArray: true,
		// A generic client expects the noTarget of RFC 7644 §3.5.2.3 where Entra expects a new element.
		UpsertFilterPath: p != Generic,
		EmptyClears:      true, RemoveMissing: true, RemoveByValue: true, DottedKeys: true, EqualReadOnly: true,
		UnqualifiedExtension: true, BareWords: true, LooseBlanks: true, ElementComparison: true,
	}
}
