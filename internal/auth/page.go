package auth

// Page selects a page of a list: elements between two positions of the list, of the type P.
type Page[P any] struct {
	// After and Before are the positions between which the page is; nil means the start and the end of the list. They
	// may be those of elements that no longer exist.
	After, Before *P
	// Last selects the last elements between the positions instead of the first. They keep the order of the list.
	Last bool
	// Limit is the maximum number of elements.
	Limit int
}
