// Package entra describes the dialect of Microsoft Entra ID: the deviations from the RFC that a provider profile
// accepts, as one list of named rules, each with its source and its test. shared/scim implements them.
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

// GroupPatchNoContent reports whether PATCH of a group answers 204 without a body (C15 in docs/divergences.md).
func (p Profile) GroupPatchNoContent() bool { return p == Entra || p == EntraGov }

// Tolerance returns the deviations that the profile accepts: none for an unknown profile.
func (p Profile) Tolerance() scim.Tolerance {
	if !p.Valid() {
		return scim.Tolerance{}
	}
	return scim.Tolerance{
		BoolText: true, BareComplexValue: true, SingleElementArray: true,
		WrappedText: p == Entra || p == EntraGov, NumberText: p != Generic, IgnoreReadOnly: p != Generic,
		SkipUnknown: p != Generic, NoOperations: p != Generic,
		// A generic client expects the noTarget of RFC 7644 §3.5.2.3 where Entra expects a new element.
		UpsertFilterPath: p != Generic,
		EmptyClears:      true, RemoveMissing: true, RemoveByValue: true, DottedKeys: true, EqualReadOnly: true,
		UnqualifiedExtension: true, BareWords: true, LooseBlanks: true, ElementComparison: true,
	}
}
