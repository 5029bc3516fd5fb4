"""The curve network for the night: it tells by how much each part of a dark picture is to be raised.

It is trained without a single bright picture to compare with: four losses say what a well-exposed picture is like.

C. Guo et al., "Zero-reference deep curve estimation for low-light image enhancement", CVPR 2020 (Zero-DCE); C. Li, C.
Guo, C. C. Loy, "Learning to enhance low-light image via zero-reference deep curve estimation", IEEE TPAMI 2021
(Zero-DCE++: one curve for all passes, found on a small picture). Written anew from the papers: the authors' code and
weights are not for commercial use.
"""
