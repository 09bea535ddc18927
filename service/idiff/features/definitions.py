"""The fixed choices behind the statistics, and their one-line definitions for the OpenAPI text."""

UNDER_BELOW = 13
"""Luma below this counts as under-exposed: the darkest 5 % of the 8-bit range."""

OVER_ABOVE = 242
"""Luma above this counts as over-exposed: the brightest 5 % of the 8-bit range."""

CANNY_LOW, CANNY_HIGH = 50, 150
"""Hysteresis thresholds on |gx| + |gy| of the 3x3 Sobel gradient, ratio 1:3 as Canny (1986) recommends."""

HIGH_FREQUENCY = 0.25
"""Cycles per pixel from which energy counts as high-frequency: half of the Nyquist frequency."""

FLAT_SHARE = 0.5
"""Share of pixels, those of smallest gradient, on which noise is measured."""

NOISE_LUMA = (4, 251)
"""Luma range within which noise is measured: in clipped pixels it cannot show."""

GLOBAL_STATISTICS_SIDE = 256
"""Long side in pixels to which a global view is reduced (area averaging, never enlarged) before it is measured."""

DEFINITIONS: dict[str, str] = {
    "laplacian": "Variance of the 4-neighbour Laplacian of luma (squared grey levels): fine detail, but grain too.",
    "tenengrad": "Mean squared 3x3 Sobel gradient, gx² + gy², of luma (squared grey levels): strength of edges.",
    "noise_sigma": "Standard deviation of noise by Immerkaer's (1996) filter, in grey levels of 8-bit luma, over the "
    f"{FLAT_SHARE:.0%} of pixels with the smallest gradient and luma {NOISE_LUMA[0]}-{NOISE_LUMA[1]}.",
    "high_frequency_ratio": "Share (0-1) of the spectral energy of luma, mean removed and Hann-windowed, at "
    f"{HIGH_FREQUENCY} cycles per pixel and above.",
    "edge_density": f"Share (0-1) of pixels that Canny marks as edges (3x3 Sobel, thresholds {CANNY_LOW} and "
    f"{CANNY_HIGH} on |gx| + |gy|).",
    "entropy": "Shannon entropy of the 256-bin luma histogram, in bits (0-8).",
    "under_exposed": f"Share (0-1) of pixels with 8-bit luma below {UNDER_BELOW}.",
    "over_exposed": f"Share (0-1) of pixels with 8-bit luma above {OVER_ABOVE}.",
    "colorfulness": "Hasler and Süsstrunk's (2003) M3 on 8-bit sRGB: sigma_rgyb + 0.3 mu_rgyb, rg = R - G, "
    "yb = (R + G)/2 - B, signed; 0 for grey, above 80 very colourful.",
    "brightness": "Mean luma (0-255).",
}
"""Statistic -> definition with its unit. Luma is 8-bit Rec. 601, 0.299 R + 0.587 G + 0.114 B of sRGB-encoded values."""
