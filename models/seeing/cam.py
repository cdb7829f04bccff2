"""Class-activation maps as functions of activations and their gradients.

    m_c(p) = sum_k w_ck mean_t a_k(t, p),   w_ck = sum_t,p dy_c / da_k(t, p)

a: activations of channel k at time step t and place p; y_c: logit of class c.  This is Grad-CAM (Selvaraju
et al., ICCV 2017) but for two things: w is the sum and not the mean over steps and places, and m keeps its
sign, as membranes below zero are real.  Where a linear head with weights W and biases b reads the mean of a
over steps and places, w_ck = W_ck, m is CAM (Zhou et al., CVPR 2016), and exact:

    y_c = b_c + mean_p m_c(p)
"""

from __future__ import annotations

from torch import Tensor


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Signed maps (..., h, w) of activations and their gradients, both (..., T, K, h, w).

    Raises ValueError for shapes that differ.
    """
    if activation.shape != gradient.shape:
        raise ValueError(
            f"activation {tuple(activation.shape)} and gradient {tuple(gradient.shape)}: shapes must be one"
        )
    weight = gradient.sum((-4, -2, -1))
    return (weight[..., None, None] * activation.mean(-4)).sum(-3)
